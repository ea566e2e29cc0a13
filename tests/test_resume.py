"""Whatever stops a run, `resume` ends it as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time

import pytest

import pipeline.microbatch
from pipeline.errors import StorageError
from pipeline.events import Reported
from pipeline.journal import Journal
from pipeline.run import new_run_id
from pipeline.storage import Storage
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults

TABLES = ("library_entries", "season_entries", "episode_entries", "watches")


def contents(home):
    stamps = {"run_id", "created_at", "updated_at"}
    return {
        table: home.rows(
            "select "
            + ", ".join(name for name in home.database.columns(table) if name not in stamps)
            + f" from {table} order by 1, 2, 3, 4"
        )
        for table in TABLES
    }


def run_of(result):
    return result.err.splitlines()[-1]


@contextlib.contextmanager
def other_process(*arguments):
    command = [sys.executable, "-m", "pipeline", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield process


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


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

    def failing(storage, name, data, **more):
        if name.endswith(f"-{event}.json"):
            raise StorageError("no space left on device")
        write(storage, name, data, **more)

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

    assert (result.code, result.out) == (0, "Nothing to resume.\n")
    assert "superseded" in result.err
    assert home.rows("select count(*) from import_runs") == [(1,)]
    assert home.call("resume").out == "Nothing to resume.\n"


@pytest.mark.parametrize("stage", ["Extracted", "Transformed"])
def test_what_was_read_of_one_who_is_blocked_since_is_not_loaded(home, served, monkeypatch, stage):
    served(make_account("otter", movies=20, shows=5, plays=300))
    home.call("users", "add", "otter")
    routes, kind = pipeline.microbatch.ROUTES, getattr(pipeline.microbatch, stage)
    handler = routes[kind]

    def killed(run):
        raise KeyboardInterrupt

    monkeypatch.setitem(routes, kind, killed)
    home.call("run", "otter")
    monkeypatch.setitem(routes, kind, handler)
    home.change("update trakt_accounts set blocked_at = '2026-01-01T00:00:00Z'")
    run = home.call("runs", "--json").json[0]["run_id"]

    result = home.call("resume", run, "--json")

    assert result.code == 2, result.err
    assert "blocked" in result.json["error"]
    assert result.json["run_id"] == run
    assert not any(contents(home).values())
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


def test_the_next_run_goes_on_with_what_the_last_one_left(home, served, monkeypatch):
    account = make_account("otter", movies=20, shows=5, plays=800)
    sandbox = served(account)
    monkeypatch.setenv("TRAKT_PATIENCE", "1")
    account.faults = Faults(fail_always={"ratings": 503})
    first = home.call("run", "otter")
    account.faults = Faults()
    sandbox.forget()

    second = home.call("run", "https://trakt.tv/users/Otter", "--json")

    assert (first.code, second.code) == (6, 0)
    assert {request.path.rpartition("/")[2] for request in sandbox.requests} == {"ratings"}
    assert run_of(first) == run_of(second)
    assert [run["status"] for run in home.call("runs", "--json").json] == ["completed"]
    assert home.call("resume").out == "Nothing to resume.\n"


@pytest.mark.parametrize("options", [("--full",), ("--mode", "overwrite"), ("--user-id", "7")])
def test_a_run_with_other_options_is_a_new_one(home, served, monkeypatch, options):
    account = make_account("otter", movies=5, shows=2, plays=50)
    served(account)
    monkeypatch.setenv("TRAKT_PATIENCE", "0.1")
    account.faults = Faults(fail_always={"ratings": 503})
    first = home.call("run", "otter")
    account.faults = Faults()

    assert run_of(home.call("run", "otter", *options)) != run_of(first)


def test_a_leftover_of_yesterday_is_closed_and_a_new_run_begins(home, served, monkeypatch):
    account = make_account("otter", movies=5, shows=2, plays=50)
    served(account)
    monkeypatch.setenv("TRAKT_PATIENCE", "0.1")
    account.faults = Faults(fail_always={"ratings": 503})
    first = home.call("run", "otter")
    account.faults = Faults()
    asked = next(home.path.glob("data/runs/*/events/00001-*"))
    event = json.loads(asked.read_text())
    asked.write_text(json.dumps(event | {"at": "2020-01-01T00:00:00Z"}))

    second = home.call("run", "otter")

    assert run_of(second) != run_of(first)
    assert [run["status"] for run in home.call("runs", "--json").json] == ["completed", "failed"]
    assert home.call("resume").out == "Nothing to resume.\n"


def test_a_run_that_never_met_the_profile_is_not_loaded_under_a_newer_one(home, served, monkeypatch):
    account = make_account("otter", movies=5, shows=2, plays=50)
    served(account)
    monkeypatch.setenv("TRAKT_PATIENCE", "0.1")
    account.faults = Faults(fail_always={"*": 503})
    assert home.call("run", "otter").code == 6
    account.faults = Faults()
    assert home.call("run", "otter", "--full").code == 0
    loaded = home.rows("select last_run_id from trakt_accounts")

    result = home.call("resume")

    assert (result.code, result.out) == (0, "Nothing to resume.\n")
    assert "superseded" in result.err
    assert home.rows("select last_run_id from trakt_accounts") == loaded


@pytest.mark.parametrize("name", ["otter", "OTTER", "https://trakt.tv/users/otter"])
def test_two_imports_of_one_user_at_once_end_with_8(home, served, name):
    account = make_account("otter", movies=5, shows=2, plays=50)
    served(account)
    account.faults = Faults(fail={"ratings": ["hang:1.5"]})
    with other_process("run", "otter") as other:
        wait_for(lambda: list(home.path.glob("data/staged/history/*/*/*.parquet")))
        assert home.call("resume").out == "Nothing to resume.\n"
        result = home.call("run", name, "--json")
        assert other.wait(30) == 0

    assert result.code == 8
    assert result.json["error"].startswith("Import is running")
    assert [run["status"] for run in home.call("runs", "--json").json] == ["failed", "completed"]


def test_two_users_at_once_do_not_disturb_each_other(home, served):
    accounts = [make_account(name, movies=200, shows=20, plays=2000, seed=len(name)) for name in ("otter", "badger")]
    served(*accounts)
    with other_process("run", "otter") as other:
        assert home.call("run", "badger").code == 0
        assert other.wait(60) == 0

    assert home.rows("select user_id, count(*) from watches group by 1 order by 1") == [
        ("badger", 2000),
        ("otter", 2000),
    ]


def test_ctrl_c_while_a_statement_runs_says_how_to_go_on(home, served, monkeypatch):
    served(make_account("otter", movies=5, shows=2, plays=50))
    endless = "select count(*) from range(1000000000000) as a"

    def busy(batch):
        from pipeline.duck import open_duckdb

        threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)).start()
        with open_duckdb() as connection:
            connection.execute(endless)

    transform = pipeline.microbatch.ROUTES[pipeline.microbatch.Extracted]
    monkeypatch.setitem(pipeline.microbatch.ROUTES, pipeline.microbatch.Extracted, busy)
    result = home.call("run", "otter")
    monkeypatch.setitem(pipeline.microbatch.ROUTES, pipeline.microbatch.Extracted, transform)

    assert result.code == 130
    assert "Interrupted\nGo on with: trakt-import resume\n" in result.err
    assert [run["status"] for run in home.call("runs", "--json").json] == ["interrupted"]
    assert home.call("resume").code == 0


def test_a_kill_leaves_no_torn_file_behind(home, served):
    served(make_account("otter", movies=5, shows=2, plays=50))
    home.call("run", "otter")
    torn = [
        home.path / "data" / name
        for name in (f"runs/{new_run_id()}/events", *map(str, home.path.glob("data/catalog/*")))
    ]
    for folder in torn:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".tmp-4194304999-x").touch()

    home.call("run", "otter")

    assert list(home.path.rglob(".tmp-*")) == []


@pytest.mark.one_database
def test_a_load_killed_while_it_is_told_leaves_no_torn_file_to_the_next_run(home, served, monkeypatch):
    served(make_account("otter", movies=5, shows=2, plays=50))
    write = Storage.write

    def torn(storage, name, data, **more):
        if name.startswith("loaded/events/"):
            write(storage, name.replace("events/", "events/.tmp-4194304999-"), data[:9])
            raise KeyboardInterrupt
        write(storage, name, data, **more)

    monkeypatch.setattr(Storage, "write", torn)
    killed = home.call("run", "otter")
    left = list(home.path.rglob(".tmp-*"))
    monkeypatch.setattr(Storage, "write", write)
    after = home.call("run", "otter")

    assert (killed.code, after.code, len(left)) == (130, 0, 1)
    assert list(home.path.rglob(".tmp-*")) == []
