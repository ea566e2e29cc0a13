"""Single items: names that are typed, and JSON in every state of disorder."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput, NotFound
from pipeline.storage import Storage
from stages.extract.endpoints import (
    COLLECTION_MOVIES,
    COLLECTION_SHOWS,
    ENDPOINTS,
    HISTORY,
    RATINGS,
    WATCHED_MOVIES,
    WATCHED_SHOWS,
    WATCHLIST,
    Endpoint,
)
from stages.extract.names import asked_name
from stages.extract.pages import Broken, items_of
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.staging import stage
from stages.extract.understanding import Understood, understand

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
MOVIE = {"title": "The Glass Orchard", "year": 2019, "ids": {"trakt": 770001, "slug": "g", "imdb": None, "tmdb": 1}}
SHOW = {"title": "Harbour Lights", "year": 2021, "aired_episodes": 20, "ids": {"trakt": 66, "tvdb": 4}}
EPISODE = {"season": 1, "number": 2, "title": None, "ids": {"trakt": 5}}
MEDIA = {"media_type": "bluray", "audio": "dts", "3d": True}
AT = "2026-08-20T21:00:00.000Z"
GOOD: dict[str, Any] = {
    "history": {"id": 9, "watched_at": AT, "action": "watch", "type": "episode", "show": SHOW, "episode": EPISODE},
    "watched_movies": {"plays": 2, "last_watched_at": AT, "last_updated_at": AT, "movie": MOVIE},
    "watched_shows": {
        "plays": 2,
        "reset_at": None,
        "show": SHOW,
        "seasons": [{"number": 0, "episodes": [{"number": 1, "plays": 2, "last_watched_at": AT}]}],
    },
    "watchlist": {"id": 1, "rank": 1, "listed_at": AT, "notes": None, "type": "movie", "movie": MOVIE},
    "collection_movies": {"collected_at": AT, "updated_at": AT, "movie": MOVIE, "metadata": MEDIA},
    "collection_shows": {
        "last_collected_at": AT,
        "show": SHOW,
        "seasons": [{"number": 1, "episodes": [{"number": 1, "collected_at": AT, "metadata": MEDIA}]}],
    },
    "ratings": {"rated_at": AT, "rating": 8, "type": "season", "show": SHOW, "season": {"number": 1, "ids": {}}},
    "watching": {"expires_at": AT, "started_at": AT, "action": "checkin", "type": "movie", "movie": MOVIE},
    "profile": {"username": "x", "private": False, "ids": {"slug": "x"}},
    "stats": {"movies": {"plays": 1}, "ratings": {"total": 3}},
}


def staged(
    folder: Path, endpoint: Endpoint, body: bytes
) -> tuple[Understood, list[dict[str, Any]], list[dict[str, Any]]]:
    """What becomes of a page: the tally, the rows of the staged file, the rows of the rejected one."""
    source = Source(Storage(folder), "otter", "r1")
    items = items_of(body, paged=True)
    result = understand(endpoint, items)
    stage(endpoint, 1, Request(Asked(), Told(len(items))), items, result, NOW, source)
    rows = pq.ParquetFile(folder / f"staged/{endpoint.name}/user=otter/run=r1/page-00001.parquet").read().to_pylist()
    aside = folder / f"staged/rejected/user=otter/run=r1/{endpoint.name}-00001.parquet"
    rejected = pq.ParquetFile(aside).read().to_pylist() if aside.exists() else []
    aside.unlink(missing_ok=True)
    assert len(rows) == len(result.keys)
    assert len(items) == len(result.keys) + len(result.rejected)
    return result, rows, rejected


def dumped(*items: Any) -> bytes:
    return json.dumps(items).encode()


def changed(item: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(item))
    *way, last = path.split(".")
    inner: Any = copy
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    inner[last] = value
    return copy


@pytest.mark.parametrize(
    ("typed", "asked", "guessed"),
    [
        ("sean", "sean", False),
        (" @Sean_1-x ", "Sean_1-x", False),
        ("https://trakt.tv/users/quiet-otter", "quiet-otter", False),
        ("https://trakt.tv/users/quiet-otter/history?page=2#x", "quiet-otter", False),
        ("app.trakt.tv/profile/quiet-otter", "quiet-otter", False),
        ("www.trakt.tv/users/Quiet%20Otter", "quiet-otter", True),
        ("Quiet.Otter", "quiet-otter", True),
        ("..a  b..", "a-b", True),
    ],
)
def test_a_name_is_asked_for_as_typed_or_as_its_usual_slug(typed: str, asked: str, guessed: bool) -> None:
    name = asked_name(typed)
    assert (name.asked, name.guessed) == (asked, guessed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "  ",
        "@",
        "me@example.org",
        "https://trakt.tv/",
        "https://imdb.com/user/x",
        "https://[trakt.tv/users/x",
        "x" * 300,
    ],
)
def test_what_cannot_be_a_name_is_bad_input(typed: str) -> None:
    with pytest.raises(BadInput):
        asked_name(typed)


@pytest.mark.parametrize("typed", ["ユーザー", "...", "https://trakt.tv/users/%E2%80%A6"])
def test_a_name_of_which_nothing_is_left_is_not_found(typed: str) -> None:
    with pytest.raises(NotFound):
        asked_name(typed)


def test_a_guessed_slug_counts_only_for_a_profile_that_bears_the_name() -> None:
    assert asked_name("Quiet.Otter").fits("quiet.otter")
    assert not asked_name("Quiet.Otter").fits("quiet-otter")
    assert asked_name("quiet-otter").fits("Quiet.Otter")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_good_item_is_staged_with_where_it_came_from_and_as_received(tmp_path: Path, endpoint: Endpoint) -> None:
    body = json.dumps([GOOD[endpoint.name]], indent=1).encode()
    _, rows, rejected = staged(tmp_path, endpoint, body)
    assert rejected == []
    assert json.loads(rows[0]["raw"]) == GOOD[endpoint.name]
    assert (rows[0]["page"], rows[0]["position"], rows[0]["fetched_at"]) == (1, 0, NOW)
    assert (rows[0]["trakt_slug"], rows[0]["run_id"]) == ("otter", "r1")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_an_empty_answer_leaves_a_file_with_all_columns(tmp_path: Path, endpoint: Endpoint) -> None:
    staged(tmp_path, endpoint, b"[]")
    empty = pq.read_schema(tmp_path / f"staged/{endpoint.name}/user=otter/run=r1/page-00001.parquet")
    staged(tmp_path, endpoint, dumped(GOOD[endpoint.name]))
    assert pq.read_schema(tmp_path / f"staged/{endpoint.name}/user=otter/run=r1/page-00001.parquet").equals(empty)


@pytest.mark.parametrize("value", [True, 1, "true"])
def test_3d_comes_in_many_forms(tmp_path: Path, value: Any) -> None:
    body = dumped(changed(GOOD["collection_movies"], "metadata.3d", value))
    for text in (body, body.replace(b'"3d":', b'"3d" :')):
        _, rows, _ = staged(tmp_path, COLLECTION_MOVIES, text)
        assert rows[0]["metadata"]["is_3d"] is True


@pytest.mark.parametrize(
    ("path", "value", "column"),
    [
        ("movie.ids.trakt", "770001", 770001),
        ("movie.ids.trakt", 770001.0, 770001),
        ("movie.ids.tmdb", 0, None),
        ("movie.ids.imdb", " TT0012345 ", "tt0012345"),
        ("movie.ids.imdb", "tt0012345\n", "tt0012345"),
        ("movie.ids.imdb", "http://x", None),
        ("movie.year", "2019", 2019),
        ("movie.year", 10**30, None),
        ("movie.title", "\ud800x", "?x"),
        ("movie.title", ["x"], None),
        ("last_watched_at", "2026-08-20T23:00:00+02:00", dt.datetime(2026, 8, 20, 21, tzinfo=dt.UTC)),
        ("last_watched_at", "1970-01-01T00:00:00.000Z", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        ("last_watched_at", "2026-08-20T21:00:00", None),
        ("last_watched_at", 12, None),
        ("plays", -1, None),
        ("plays", "3", 3),
        ("plays", 2**63 - 1, None),
    ],
)
def test_a_field_is_read_if_it_can_be(tmp_path: Path, path: str, value: Any, column: Any) -> None:
    _, rows, rejected = staged(tmp_path, WATCHED_MOVIES, dumped(changed(GOOD["watched_movies"], path, value)))
    found: Any = rows[0]
    for step in path.split("."):
        found = found[step]
    assert found == column
    assert rejected == []


def test_a_field_that_cannot_be_read_is_counted_but_a_missing_id_is_not(tmp_path: Path) -> None:
    odd = changed(changed(GOOD["watched_movies"], "last_watched_at", "yesterday"), "movie.ids.tmdb", 0)
    result, _, _ = staged(tmp_path, WATCHED_MOVIES, dumped(odd, odd))
    assert result.unreadable == {"last_watched_at": 2}
    assert result.examples == {"last_watched_at": "'yesterday'"}


@pytest.mark.parametrize(
    ("endpoint", "path", "value", "reason"),
    [
        (HISTORY, "id", 0, "no usable id of the row"),
        (HISTORY, "type", "season", "unknown type 'season'"),
        (HISTORY, "type", None, "no type"),
        (HISTORY, "show", None, "no usable show"),
        (HISTORY, "show.ids", {"slug": "x", "trakt": 0}, "no usable id of the show"),
        (HISTORY, "episode.number", -1, "no usable number"),
        (RATINGS, "rating", 0, "no usable rating"),
        (RATINGS, "rating", 7.5, "no usable rating"),
        (RATINGS, "season.number", "x", "no usable number"),
        (WATCHLIST, "movie", 3, "no usable movie"),
    ],
)
def test_an_item_is_rejected_when_it_cannot_be_told_what_it_is_about(
    tmp_path: Path, endpoint: Endpoint, path: str, value: Any, reason: str
) -> None:
    good = GOOD[endpoint.name]
    _, rows, rejected = staged(tmp_path, endpoint, dumped(good, changed(good, path, value), good))
    assert [row["position"] for row in rows] == [0, 2]
    assert [(row["position"], row["path"], row["reason"]) for row in rejected] == [(1, None, reason)]
    assert json.loads(rejected[0]["raw"]) == changed(good, path, value)


@pytest.mark.parametrize("rating", ["8", 8.0])
def test_a_whole_rating_is_a_rating_however_it_is_written(tmp_path: Path, rating: Any) -> None:
    _, rows, _ = staged(tmp_path, RATINGS, dumped(changed(GOOD["ratings"], "rating", rating)))
    assert rows[0]["rating"] == 8


def test_a_title_without_a_trakt_id_is_known_by_another(tmp_path: Path) -> None:
    ids = {"trakt": None, "imdb": "tt0012345"}
    result, rows, _ = staged(tmp_path, WATCHED_MOVIES, dumped(changed(GOOD["watched_movies"], "movie.ids", ids)))
    assert result.keys == [("movie", "imdb", "tt0012345")]
    assert rows[0]["movie"]["ids"]["imdb"] == "tt0012345"


@pytest.mark.parametrize("endpoint", [WATCHED_SHOWS, COLLECTION_SHOWS], ids=lambda endpoint: endpoint.name)
def test_an_episode_that_cannot_be_read_is_rejected_alone(tmp_path: Path, endpoint: Endpoint) -> None:
    seasons = [{"number": 1, "episodes": [{"number": 1}, {"number": "x"}, 5]}, {"number": None}]
    result, rows, rejected = staged(tmp_path, endpoint, dumped(changed(GOOD[endpoint.name], "seasons", seasons)))
    assert [row["path"] for row in rejected] == ["seasons[0].episodes[1]", "seasons[0].episodes[2]", "seasons[1]"]
    assert [row["raw"] for row in rejected] == ['{"number": "x"}', "5", '{"number": null}']
    assert [len(season["episodes"]) for season in rows[0]["seasons"]] == [1]
    assert result.rejected == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1, 2", b'[{"a": tru}]', b'{"a": 1}', b"[1] x", b"[1}", b"null"])
def test_what_is_no_list_of_json_is_broken(body: bytes) -> None:
    with pytest.raises(Broken):
        items_of(body, paged=True)


def test_json_beyond_the_fast_decoder_is_still_sliced() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    assert items_of(b' [ {"a": NaN}, "\\ud800]", ' + deep + b" ] ", paged=True) == [b'{"a": NaN}', b'"\\ud800]"', deep]


def test_nesting_without_end_is_rejected(tmp_path: Path) -> None:
    item = json.dumps(GOOD["watchlist"]).replace('"notes": null', '"notes": ' + "[" * 90000 + "]" * 90000)
    _, rows, rejected = staged(tmp_path, WATCHLIST, f"[{item}, {json.dumps(GOOD['watchlist'])}]".encode())
    assert len(rows) == 1
    assert [row["reason"] for row in rejected] == ["nested too deeply"]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(
        ["0", "8", " tt0000001 ", "\ud800", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", AT]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places(item: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    return [way, *(place for key, value in inner for place in places(value, (*way, key)))]


@st.composite
def disorderly(draw: st.DrawFn) -> tuple[Endpoint, bytes]:
    endpoint = draw(st.sampled_from(ENDPOINTS))
    items = []
    for _ in range(draw(st.integers(1, 3))):
        item = json.loads(json.dumps(GOOD[endpoint.name]))
        for place in draw(st.lists(st.sampled_from(places(item)), max_size=3)):
            if not place:
                item = draw(ANYTHING)
                break
            inner = item
            try:
                for step in place[:-1]:
                    inner = inner[step]
                inner[place[-1]] = draw(ANYTHING)
            except (TypeError, KeyError, IndexError):
                continue
        items.append(item)
    return endpoint, json.dumps(items, ensure_ascii=draw(st.just(True))).encode()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(page=disorderly())
def test_any_value_anywhere_is_staged_or_rejected_and_never_an_error(
    tmp_path: Path, page: tuple[Endpoint, bytes]
) -> None:
    staged(tmp_path, *page)


# The second thread comes just when the first knows what a show is, but not yet what its ids are.
BOTH_AT_ONCE = """
import sys, threading
from stages.extract.endpoints import HISTORY, RATINGS
from stages.extract.understanding import understand

SHOW = b'"show":{"title":"Harbour Lights","year":2021,"ids":{"trakt":66,"slug":"h","tvdb":4}}'
RATED = [b'{"type":"show","rated_at":"2026-08-20T21:00:00.000Z","rating":8,' + SHOW + b"}"]
found = []

def beside(frame, event, _):
    if event == "call" and getattr(frame.f_locals.get("obj"), "__name__", "") == "ShowIds":
        sys.setprofile(None)
        others.start()
        others.join(0.2)

others = threading.Thread(target=lambda: found.extend(understand(RATINGS, RATED).keys))
sys.setprofile(beside)
understand(HISTORY, [])
others.join()
print(found)
"""


def test_two_lists_are_understood_side_by_side_from_the_first_on() -> None:
    done = subprocess.run([sys.executable, "-c", BOTH_AT_ONCE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[('show', 'trakt', 66)]\n"), done.stderr


# The second thread comes just when the first knows what a request is, but not yet what was asked for in it.
BOTH_RECALLED = """
import datetime as dt, sys, threading
from pipeline.storage import Storage
from stages.extract.endpoints import RATINGS
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.staging import recall, stage
from stages.extract.understanding import understand

RATED = [b'{"type":"movie","rated_at":"2026-08-20T21:00:00.000Z","rating":8,"movie":{"title":"A","ids":{"trakt":6}}}']
source = Source(Storage(sys.argv[1]), "otter", "run")
stage(RATINGS, 1, Request(Asked(), Told(1)), RATED, understand(RATINGS, RATED), dt.datetime.now(dt.UTC), source)
found = []

def one():
    found.append(recall(RATINGS, 1, source)[0].told.items)

def beside(frame, event, _):
    if event == "call" and getattr(frame.f_locals.get("obj"), "__name__", "") == "Asked":
        sys.setprofile(None)
        others.start()
        others.join(0.2)

others = threading.Thread(target=one)
sys.setprofile(beside)
one()
sys.setprofile(None)
if others.ident is None:
    others.start()
others.join()
print(found)
"""


def test_two_staged_answers_are_recalled_side_by_side_from_the_first_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BOTH_RECALLED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[1, 1]\n"), done.stderr
