"""Whatever stops a run, `resume` ends it as if nothing had happened."""

from __future__ import annotations

import pytest

import pipeline.microbatch
from pipeline.errors import StorageError
from pipeline.events import Reported
from pipeline.journal import Journal
from pipeline.storage import Storage
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults

TABLES = ("library_entries", "season_entries", "episode_entries", "watches")


def contents(home):
    stamps = {"run_id", "created_at", "updated_at"}
    return {
        table: home.rows(
            "select "
            + ", ".join(row[1] for row in home.rows(f"pragma table_info({table})") if row[1] not in stamps)
            + f" from {table} order by 1, 2, 3, 4"
        )
        for table in TABLES
    }


@pytest.fixture
def expected(home, served):
    """What an undisturbed run gives; the database is empty again afterwards."""
    served(make_account("otter", movies=20, shows=5, plays=300))
    home.call("run", "otter")
    rows = contents(home)
    for table in (*TABLES, "import_runs", "trakt_accounts"):
        home.change(f"delete from {table}")
    return rows


@pytest.mark.parametrize("event", ["Extracted", "Transformed", "Loaded", "Reported"])
def test_an_event_that_could_not_be_written_changes_nothing_in_the_end(home, expected, monkeypatch, event):
    write = Storage.write

    def failing(storage, name, data):
        if name.endswith(f"-{event}.json"):
            raise StorageError("no space left on device")
        write(storage, name, data)

    monkeypatch.setattr(Storage, "write", failing)
    assert home.call("run", "otter").code == 7
    monkeypatch.setattr(Storage, "write", write)

    result = home.call("resume", "--json")

    assert result.code == 0, result.err
    assert contents(home) == expected
    assert result.json[0]["imported_count"] == len(expected["library_entries"])
    assert home.rows("select count(*) from import_runs") == [(1,)]
    assert home.call("resume").out == "Nothing to resume.\n"


def test_a_disk_that_refuses_after_the_last_event_leaves_nothing_to_do(home, expected, monkeypatch):
    append = Journal.append

    def refusing(journal, event):
        append(journal, event)
        if isinstance(event, Reported):
            raise StorageError("input/output error")

    monkeypatch.setattr(Journal, "append", refusing)
    assert home.call("run", "otter").code == 7
    monkeypatch.setattr(Journal, "append", append)

    assert home.call("resume").out == "Nothing to resume.\n"
    assert home.call("runs", "--json").json[0]["status"] == "completed"
    assert contents(home) == expected


def test_a_kill_between_commit_and_event_changes_no_count(home, expected, monkeypatch):
    load = pipeline.microbatch.ROUTES[pipeline.microbatch.Transformed]

    def killed(run):
        load(run)
        raise KeyboardInterrupt

    monkeypatch.setitem(pipeline.microbatch.ROUTES, pipeline.microbatch.Transformed, killed)
    assert home.call("run", "otter").code == 130
    monkeypatch.setitem(pipeline.microbatch.ROUTES, pipeline.microbatch.Transformed, load)

    result = home.call("resume", "--json")

    assert result.json[0]["imported_count"] == len(expected["library_entries"])
    assert contents(home) == expected


def test_a_run_under_a_newer_one_is_closed_and_never_loaded(home, served, monkeypatch):
    account = make_account("otter", movies=20, shows=5, plays=300)
    served(account)
    load = pipeline.microbatch.ROUTES[pipeline.microbatch.Transformed]

    def killed(run):
        raise KeyboardInterrupt

    monkeypatch.setitem(pipeline.microbatch.ROUTES, pipeline.microbatch.Transformed, killed)
    home.call("run", "otter")
    monkeypatch.setitem(pipeline.microbatch.ROUTES, pipeline.microbatch.Transformed, load)
    home.call("run", "otter", "--full")

    result = home.call("resume")

    assert result.code == 9
    assert "superseded" in result.err
    assert home.rows("select count(*) from import_runs") == [(1,)]
    assert home.call("resume").out == "Nothing to resume.\n"


def test_an_endpoint_that_stays_down_is_all_that_is_missing(home, served, monkeypatch):
    account = make_account("otter", movies=20, shows=5, plays=300)
    served(account)
    monkeypatch.setenv("TRAKT_PATIENCE", "1")
    account.faults = Faults(fail_always={"ratings": 503})

    first = home.call("run", "otter")
    account.faults = Faults()
    second = home.call("resume", "--json")

    assert first.code == 6
    assert second.code == 0
    assert home.rows("select count(*) from watches") == [(300,)]
