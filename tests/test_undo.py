"""`undo` puts back what a run wrote, and leaves what something else has changed since."""

from __future__ import annotations

import json
import shutil

import pytest

from pipeline.journal import Journal
from pipeline.locks import user_lock
from pipeline.storage import Storage
from tests.sandbox.accounts import make_account
from tests.shown import Play
from tests.test_merge import EARLY, LATE, MOVIE, OTHER, SHOW, TABLES, edit, library, rows

__all__ = ["library"]


def undo(library, run, code=0):
    result = library.home.call("undo", run if isinstance(run, str) else run.request.run_id)
    assert result.code == code, result.err
    return result


def last_run(library):
    return library.home.rows("select last_run_id from trakt_accounts")[0][0]


def test_runs_are_undone_newest_first_until_nothing_is_left(library):
    shown = library.shown()
    runs, states = [library.run()], []
    edit(library, "status = 'dropped'")
    library.home.change("delete from library_entries where title_id = 's1'")
    states.append(rows(library))
    shown.ratings[(MOVIE, ())] = (2, LATE)
    shown.ratings[(SHOW, ())] = (3, LATE)
    del shown.plays[3], shown.ratings[(SHOW, (1, 2))]
    shown.plays[9] = Play(OTHER, LATE)
    runs.append(library.run())
    states.append(rows(library))
    runs.append(library.run(prune=True))

    assert "newest first" in undo(library, runs[0], 2).err.lower()
    for number in (2, 1):
        text = undo(library, runs[number]).out
        assert rows(library) == states[number - 1]
        assert last_run(library) == runs[number - 1].request.run_id
        assert text.endswith("The next import brings again what Trakt still shows.\n")
    undo(library, runs[0])
    assert rows(library) == {table: [] for table in TABLES} | {"library_entries": states[0]["library_entries"]}
    assert last_run(library) is None
    assert [row["status"] for row in library.home.call("runs", "--json").json] == ["undone"] * 3
    assert library.home.rows("select distinct status from import_runs") == [("undone",)]

    library.run()
    assert library.entry("m1") == (2,)


def test_what_was_changed_since_is_listed_and_left(library):
    library.run()
    shown = library.shown()
    shown.ratings[(MOVIE, ())] = (2, LATE)
    shown.plays |= {9: Play(OTHER, LATE), 10: Play(SHOW, LATE, (1, 3))}
    run = library.run()
    edit(library, "status = 'dropped'", "title_id = 'm1'")
    edit(library, "score = 10", "title_id = 'm2'")
    library.home.change("delete from episode_entries where episode = 3")

    text = undo(library, run).out

    assert "library_entries m1: status" in text
    assert "library_entries m2: score" in text
    assert "episode" not in text.partition("Left as they are")[2]
    assert library.entry("m1", "score, status") == (2, "dropped")
    assert library.entry("m2", "score") == (10,)
    assert library.entry("s1", "plays") == (2,)
    assert library.home.rows("select history_id from watches order by 1") == [(1,), (2,), (3,)]


def test_rows_that_moved_or_were_pruned_come_back(library):
    library.run()
    before = rows(library)
    library.catalogue((MOVIE, "new"))
    library.home.change("delete from titles where title_id = 'm1'")
    del library.shown().plays[3], library.shown().ratings[(SHOW, (1, 2))]
    run = library.run(prune=True)
    assert library.entry("m1") is None

    undo(library, run)

    assert rows(library) == before
    library.run(prune=True)
    assert library.entry("m1") is None
    assert library.entry("new") == (8,)


@pytest.mark.one_database
def test_titles_that_the_run_added_stay(library):
    library.shown().plays[9] = Play(("movie", 77), EARLY)
    run = library.run(add_missing=True)
    undo(library, run)

    assert not any(rows(library).values())
    assert library.home.rows("select count(*) from titles where trakt_id = 77") == [(1,)]


def test_in_a_batch_of_several_only_the_one_is_undone(library):
    library.profiles["badger"] = library.shown()
    first, second = library.run_together({"user": "otter"}, {"user": "badger"})
    assert first.error is None
    edit(library, "score = 1", "user_id = 'badger' and title_id = 'm1'")

    undo(library, second)

    assert library.home.rows("select user_id, count(*) from library_entries group by 1") == [
        ("badger", 1),
        ("otter", 2),
    ]
    assert [row["status"] for row in library.home.call("runs", "--json").json] == ["undone", "completed"]


@pytest.mark.one_database
def test_what_cannot_be_undone_says_why(library):
    run = library.run()
    dry = library.run(dry_run=True)

    assert "no run nowhere" in undo(library, "nowhere", 2).err
    assert "dry run" in undo(library, dry, 2).err
    with user_lock(Storage("data"), "otter"):
        assert "Import is running" in undo(library, run, 8).err
    undo(library, run)
    assert "undone already" in undo(library, run, 2).err
    assert library.home.call("resume").out == "Nothing to resume.\n"
    assert library.home.call("resume", run.request.run_id).code == 2
    library.home.change("delete from import_runs")
    assert "not in this database" in undo(library, run, 2).err


@pytest.mark.one_database
def test_without_the_files_nothing_is_put_back(library):
    run = library.run()
    before = rows(library)
    shutil.rmtree("data/before")

    undo(library, run, 2)

    assert rows(library) == before
    assert last_run(library) == run.request.run_id


@pytest.mark.one_database
def test_an_undo_whose_event_is_missing_is_told_the_next_time(library, monkeypatch):
    run = library.run()
    append = Journal.append

    def killed(journal, event):
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "append", killed)
    undo(library, run, 130)
    monkeypatch.setattr(Journal, "append", append)
    assert not any(rows(library).values())

    undo(library, run, 2)

    assert library.home.call("runs", "--json").json[0]["status"] == "undone"


@pytest.mark.one_database
def test_an_undone_run_is_no_baseline_and_not_the_latest_picture(library):
    first = library.run()
    library.shown().ratings[(MOVIE, ())] = (2, LATE)
    undo(library, library.run())

    sql = "select score, run from latest_library_entries where title_id = 'm1'"
    shown = json.loads(library.home.call("query", sql, "--format", "json").out)

    assert shown == [{"score": 8, "run": first.request.run_id}]
    assert set(TABLES) <= set(library.run().report["tables"])


@pytest.mark.one_database
def test_a_run_that_found_nothing_new_is_undone_as_well(home, served):
    served(make_account("otter", movies=5, shows=1, plays=20))
    first, second = (home.call("run", "otter").err.split()[-1] for _ in range(2))
    before = home.rows("select * from library_entries order by 1, 2")

    assert home.call("undo", first).code == 2
    assert home.call("undo", second).code == 0
    assert home.rows("select * from library_entries order by 1, 2") == before
    assert home.rows("select last_run_id from trakt_accounts") == [(first,)]
    assert home.call("undo", first).code == 0
    assert home.rows("select count(*) from library_entries") == [(0,)]
    assert home.rows("select last_run_id from trakt_accounts") == [(None,)]

    assert home.call("run", "otter").code == 0
    assert len(home.rows("select 1 from library_entries")) == len(before)


@pytest.mark.one_database
def test_what_was_undone_comes_again_though_trakt_has_not_changed_since(home, served):
    account = make_account("otter", movies=5, shows=1, plays=20, ratings=4)
    served(account)
    home.call("run", "otter")
    row = next(row for row in account.ratings if row["type"] == "movie")
    row |= {"rating": row["rating"] % 10 + 1, "rated_at": "2026-10-01T00:00:00.000Z"}
    account.changed()
    rated = f"select score from library_entries where kind = 'movie' and trakt_id = {row['movie']['ids']['trakt']}"
    before = home.rows(rated)

    second = home.call("run", "otter").err.split()[-1]
    assert home.rows(rated) == [(row["rating"],)]
    home.call("undo", second)
    assert home.rows(rated) == before
    home.call("run", "otter")

    assert home.rows(rated) == [(row["rating"],)]
