"""The report: every record accounted for, in words and as a page; and loudly where it is not."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

from pipeline.events import Extracted, Loaded, Transformed
from pipeline.journal import Journal
from pipeline.storage import Storage
from stages.report import report, text
from tests.sandbox.accounts import make_account

KEYS = [
    "run_id", "balanced", "endpoints", "titles", "tables", "equations", "not_in_catalogue", "conflicts", "ambiguous",
    "merged", "rejected", "kept", "gone", "doubts",
]  # fmt: skip


def said(storage, run_id):
    events = {type(event): event for event in Journal(storage, run_id).events()}
    return events[Extracted], events[Transformed], events[Loaded]


def missing_csv(page):
    return unquote(re.search(r"data:text/csv;charset=utf-8,([^\"]*)", page)[1])


def test_the_page_needs_nothing_else_and_holds_every_title(home, served):
    account = make_account("otter", movies=20, shows=5, plays=200)
    served(account, missing=3)
    home.call("run", "otter")

    result = home.call("report", "--format", "html")
    page = Path(result.out.strip()).read_text(encoding="utf-8")

    assert result.code == 0
    assert Path(result.out.strip()).stat().st_mode & 0o777 == 0o600
    assert not re.search(r"(src|href)=[\"']?(https?:)?//|@import|url\(", page)
    assert all(name in page for (name,) in home.rows("select name from titles where name not like '%&%' limit 20"))
    assert "Every record is accounted for" in page
    Strict().feed(page)


def test_the_titles_that_the_catalogue_lacks_are_a_csv_that_it_takes_once_filled_in(home, served):
    served(make_account("otter", movies=20, shows=5, plays=200), missing=3)
    home.call("run", "otter")
    page = Path(home.call("report", "--format", "html").out.strip()).read_text(encoding="utf-8")
    assert missing_csv(page) in home.call("report").out

    rows = list(csv.DictReader(io.StringIO(missing_csv(page))))
    filled = home.catalogue(
        [row | {"title_id": f"mine-{number}", "aired_episodes": ""} for number, row in enumerate(rows)]
    )
    home.call("run", "otter", "--full")

    assert filled.code == 0
    assert len(rows) == 3
    assert home.call("report", "--format", "json").json["not_in_catalogue"] == []


@pytest.mark.one_database
def test_the_report_tells_of_every_title_what_became_of_it_and_by_which_id(home, served):
    account = make_account("otter", movies=20, shows=5, plays=200)
    served(account, missing=3)
    home.change("update titles set trakt_id = null where kind = 'show'")
    home.call("run", "otter")

    first = home.call("report", "--format", "json").json
    home.call("run", "otter")
    again = home.call("report", "--format", "json").json

    assert list(first) == KEYS
    titles = first["titles"]
    each = titles["each"]
    assert len(each) == titles["titles"]
    assert Counter(row["outcome"] for row in each) == {"imported": titles["imported"], "error": 3}
    assert Counter(row["matched_by"] for row in each if row["title_id"]) == titles["matched_by"]
    assert {row["matched_by"] for row in each if row["kind"] == "show"} <= {"imdb", "tmdb", "tvdb", None}
    assert all(row["reason"] for row in each if row["outcome"] == "error")
    assert list(again) == KEYS
    assert again["titles"]["unchanged_since"] == first["run_id"]
    assert Counter(row["outcome"] for row in again["titles"]["each"]) == {"skipped": titles["imported"], "error": 3}


@pytest.mark.one_database
def test_what_is_gone_is_named(home, served):
    account = make_account("otter", movies=6, shows=2, plays=60, watchlist=0, ratings=0)
    sandbox = served(account)
    home.call("run", "otter")
    movie = account.remove_play(next(at for at, play in enumerate(account.history) if play["type"] == "movie"))
    sandbox.forget()

    home.call("run", "otter", "--full")

    gone = home.call("report", "--format", "json").json["gone"]
    assert ("watches", movie["movie"]["title"], movie["id"]) in [(g["table"], g["name"], g["history_id"]) for g in gone]
    assert f"watches: {movie['movie']['title']}, play {movie['id']}" in home.call("report").out


@pytest.mark.one_database
def test_the_same_broken_part_of_two_shows_is_two_errors_and_of_one_show_sent_twice_one(home, served):
    account = make_account("otter", movies=0, shows=3, plays=60, ratings=0, watchlist=0)
    broken = account.watched_shows[:2]
    for row in broken:
        row["seasons"][0]["episodes"].insert(0, {"number": None, "plays": 1})
    account.watched_shows.append(broken[0])
    served(account)

    run = home.call("run", "otter", "--json")
    told = home.call("report", "--format", "json").json["rejected"]
    for file in Path("data/staged/rejected").rglob("*.parquet"):  # as an older version wrote them
        pq.write_table(pq.ParquetFile(file).read().drop_columns("parent"), file)
    replay = home.call("replay", "otter")

    parents = {f"show:trakt:{row['show']['ids']['trakt']}" for row in broken}
    assert run.json["error_count"] == 2
    assert sorted(row["parent"] for row in told) == sorted(parents)
    assert home.rows("select error_count from import_runs order by finished_at") == [(2,), (1,)]
    assert replay.code == 0, replay.err
    assert home.call("query", "--format", "csv", "select parent, path from latest_rejected").out.split() == [
        "parent,path",
        ",seasons[0].episodes[0]",
    ]


def test_names_are_text_in_the_page_whatever_is_in_them(home, served):
    account = make_account("otter", movies=3, shows=1, plays=5)
    account.watched_movies[0]["movie"]["title"] = "<script>alert(1)</script> & Co"
    for play in account.history:
        if play.get("movie", {}).get("ids") == account.watched_movies[0]["movie"]["ids"]:
            play["movie"]["title"] = account.watched_movies[0]["movie"]["title"]
    served(account, missing=1)
    home.call("run", "otter")

    page = Path(home.call("report", "--format", "html").out.strip()).read_text(encoding="utf-8")

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in page


def test_a_report_that_does_not_balance_says_so_loudly_and_names_the_rows(home, served):
    served(make_account("otter", movies=20, shows=5, plays=200))
    home.call("run", "otter")
    storage = Storage(home.path / "data")
    (run_id,) = [name.removesuffix(".json") for name in storage.names("reports")]
    watches = storage.path(f"resolved/watches/batch={run_id}/part-0.parquet")
    rows = pq.read_table(watches, partitioning=None)
    pq.write_table(rows.slice(1), watches)

    ((event, result),) = report([said(storage, run_id)], storage=storage, at="2026-06-01T12:00:00Z")
    lost = rows.slice(0, 1).to_pylist()[0]["title_id"]

    assert not event.balanced
    assert [equation["rows"][0].split(" ")[0] for equation in result["equations"] if not equation["balanced"]] == [lost]
    assert "IT DOES NOT BALANCE" in text(result)
    assert lost in text(result).split("IT DOES NOT BALANCE")[1]


@pytest.mark.one_database
def test_a_page_of_plays_that_was_lost_after_it_was_read_is_missed(home, served):
    served(make_account("otter", movies=20, shows=5, plays=300))
    home.call("run", "otter")
    (home.path / next((home.path / "data").glob("staged/history/user=otter/run=*/page-00002.parquet"))).unlink()

    result = home.call("replay", "otter")

    assert result.code == 9
    assert "does not balance" in result.err
    assert "300 plays were read" in home.call("report").out


class Strict(HTMLParser):
    """Complains of a tag that closes another than the last one opened."""

    VOID = ("meta", "link", "br", "input", "img", "hr")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
