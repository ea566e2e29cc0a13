"""The application database: older and newer schemas, ids of the application's own types, rights, secrets, rows that move."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

import stages.database
import stages.load.ahead
import stages.load.stage
from pipeline.errors import StorageError
from stages.database import RowsLocked
from tests.databases import execute
from tests.sandbox.accounts import catalogue_rows, make_account

SMALL = {"movies": 6, "shows": 2, "plays": 30}
ROOT = Path(__file__).resolve().parents[1]
UUID = "00000000-0000-4000-8000-{:012d}"
only = pytest.mark.on_postgresql


def older(home):
    """The tables as an older program would have left them: fewer columns, fewer tables."""
    home.call("db", "upgrade")
    home.change("alter table library_entries drop column audio_channels")
    home.change("drop table watches")
    home.change("insert into library_entries (user_id, title_id, kind, score) values ('7', 'm', 'movie', 9)")
    home.change("update schema_version set version = 0")


def test_an_older_schema_is_left_to_db_upgrade_which_keeps_every_row(home):
    older(home)

    refused = home.call("users", "list")
    upgraded = home.call("db", "upgrade")

    assert refused.code == 7
    assert "db upgrade" in refused.err
    assert upgraded.code == 0
    assert "added library_entries.audio_channels" in upgraded.out
    assert home.rows("select user_id, score, audio_channels, plays from library_entries") == [("7", 9, None, 0)]
    assert home.rows("select count(*) from watches") == [(0,)]
    assert home.call("users", "list").code == 0
    copies = list((home.path / "data").glob("app.db.version-0-*"))
    assert len(copies) == (home.database.name == "sqlite")


def test_a_table_that_is_missing_is_made(home, served):
    served(make_account("otter", **SMALL))
    home.change("drop table watches")

    assert home.call("run", "otter").code == 0
    assert home.rows("select count(*) from watches") == [(30,)]


def test_a_newer_schema_is_not_touched(home):
    home.call("db", "upgrade")
    home.change("update schema_version set version = 99")

    for arguments in (("users", "list"), ("db", "upgrade")):
        result = home.call(*arguments)
        assert result.code == 7
        assert "Install the newer trakt-import" in result.err


@only
@pytest.mark.parametrize(("kind", "user"), [("bigint", "7"), ("uuid", UUID.format(7))])
def test_ids_are_of_the_applications_types_and_titles_may_be_a_view(home, served, kind, user):
    account = make_account("otter", **SMALL)
    home.change(
        f"create table films (id {kind} primary key, kind text, name text, year int, trakt_id bigint, imdb_id text, "
        "tmdb_id bigint, tvdb_id bigint, aired_episodes int, updated_at timestamptz default now())"
    )
    for number, row in enumerate(catalogue_rows([account]), 1):
        key = number if kind == "bigint" else f"'{UUID.format(number)}'"
        home.change(
            f"insert into films (id, kind, name, trakt_id) values ({key}, '{row['kind']}', 'x', {row['trakt_id']})"
        )
    home.change("create view titles as select id as title_id, * from films")
    assert home.call("db", "upgrade", "--user-id-type", kind).code == 0
    served(account)

    first = home.call("run", "otter", "--user-id", user, "--json")
    again = home.call("run", "otter", "--json")
    others = [home.call("run", "otter", "--user-id", bad, "--json") for bad in ("seven", "1_0", "9" * 20)]

    assert first.code == 0, first.err
    assert first.json["error_count"] == 0
    assert home.rows("select count(*), min(cast(user_id as text)) from watches") == [(30, user)]
    assert again.json["imported_count"] == 0
    assert [other.code for other in others] == [2, 2, 2]
    assert all("--user-id" in other.json["hint"] for other in others)
    types = home.rows(
        "select distinct cast(data_type as text) from information_schema.columns "
        f"where table_schema = '{home.database.schema}' and column_name in ('user_id', 'title_id')"
    )
    assert types == [(kind,)]


@only
def test_the_documented_rights_are_enough(home, served, monkeypatch):
    account = make_account("otter", **SMALL)
    home.call("db", "upgrade")
    schema = home.database.schema
    execute(home.database.server_url, f"create role importer_{schema} login password 'Pa55word'")
    for line in grants():
        line = line.replace("schema trakt", f"schema {schema}").replace(
            "search_path = trakt", f"search_path = {schema}"
        )
        home.change(line.replace("importer", f"importer_{schema}").replace("database app", "database postgres"))
    own = home.database.url
    monkeypatch.setenv("DATABASE_URL", own.replace("//postgres:", f"//importer_{schema}:Pa55word"))
    served(account)

    first = home.call("run", "otter", "--json")
    home.change("update library_entries set score = 1, scored_at = null, updated_at = '2020-01-01T00:00:00Z'")
    account.ratings[0]["rating"] = account.ratings[0]["rating"] % 10 + 1
    account.changed()
    second = home.call("run", "otter", "--full", "--json")

    assert first.code == second.code == 0, first.err + second.err
    undone = home.call("undo", home.rows("select max(run_id) from import_runs")[0][0])
    assert undone.code == 0, undone.err
    forgotten = home.call("forget", "otter")
    assert forgotten.code == 0, forgotten.err


@only
def test_a_right_that_is_missing_is_named(home, served, monkeypatch):
    home.call("db", "upgrade")
    execute(home.database.server_url, f"create role stranger_{home.database.schema} login")
    home.change(f"grant usage on schema {home.database.schema} to stranger_{home.database.schema}")
    monkeypatch.setenv("DATABASE_URL", home.database.url.replace("//postgres:", f"//stranger_{home.database.schema}:"))

    result = home.call("users", "list")

    assert result.code == 7
    assert "permission denied" in result.err
    assert "GRANT lines, under PostgreSQL" in result.err


def grants():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    return [line.rstrip(";") for line in lines if line.startswith("grant")]


@only
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:Pa55word@127.0.0.1:1/app",
        "postgresql://me:Pa55word@no-such-host.invalid/app",
        "postgresql://me:Pa55%word@127.0.0.1:1/app",
        "postgresql://me:Pa55/word@127.0.0.1:1/app",
        "postgresql://me:x@Pa55word@127.0.0.1:1/app",
        "postgresql://127.0.0.1:1/app?user=me&password=Pa55%word",
    ],
)
def test_no_error_tells_the_password(home, monkeypatch, url):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    monkeypatch.setenv("DATABASE_URL", url)

    result = home.call("run", "otter", "--json")

    assert result.code == 7
    assert "Pa55" not in result.out + result.err
    assert "Pa55" not in "".join(path.read_text() for path in home.path.rglob("*.json"))


@only
def test_a_connection_that_is_lost_in_mid_load_is_exit_7_and_resume_asks_nothing_again(home, served, monkeypatch):
    sandbox = served(make_account("otter", **SMALL))
    complete = stages.load.stage.complete_runs

    def lost(database, *rest):
        pid = database.execute("select pg_backend_pid()")[0][0]
        execute(home.database.server_url, f"select pg_terminate_backend({pid})")
        complete(database, *rest)

    monkeypatch.setattr(stages.load.stage, "complete_runs", lost)
    broken = home.call("run", "otter", "--json")
    monkeypatch.setattr(stages.load.stage, "complete_runs", complete)
    asked = sandbox.count()
    resumed = home.call("resume", "--json")

    assert broken.code == 7
    assert home.rows("select count(*) from watches") == [(30,)]
    assert resumed.code == 0
    assert sandbox.count() == asked


@only
def test_statement_timeout_and_read_only_are_told(home, served, monkeypatch):
    served(make_account("otter", **SMALL))
    for option, hint in (("-cdefault_transaction_read_only%3Don", "read-only"), ("-cstatement_timeout%3D1", "timeout")):
        monkeypatch.setenv("DATABASE_URL", home.database.url + "%20" + option)
        result = home.call("run", "otter", "--json")
        assert (result.code, result.json["run_id"] is not None or "timeout" in option) == (7, True)
        assert hint in result.json["hint"]


def test_a_row_that_changes_while_it_is_compared_is_compared_again(home, served, monkeypatch):
    account = make_account("otter", **SMALL)
    served(account)
    home.call("run", "otter")
    rated = account.ratings[0]
    rated["rating"], rated["rated_at"] = rated["rating"] % 10 + 1, "2026-10-04T20:00:00.000Z"
    account.changed()
    compared, written = [], stages.load.stage._written

    def busy(*compared_with):
        compared.append(1)
        if len(compared) < 3:
            stamp = f"2027-01-01T00:00:0{len(compared)}Z"
            home.change(f"update library_entries set status = 'dropped', score = 2, updated_at = '{stamp}'")
        written(*compared_with)

    monkeypatch.setattr(stages.load.stage, "_written", busy)
    result = home.call("run", "otter", "--full", "--json")

    assert result.code == 0, result.err
    assert len(compared) >= 2
    assert set(home.rows("select status, score from library_entries")) == {("dropped", 2)}


def test_a_transaction_that_is_tried_again_writes_every_row(home, served, monkeypatch):
    account = make_account("otter", **SMALL)
    served(account)
    complete, tries = stages.load.stage.complete_runs, []

    def locked(*run):
        complete(*run)
        tries.append(1)
        if len(tries) < 3:
            raise RowsLocked("another session holds a row")

    monkeypatch.setattr(stages.load.stage, "complete_runs", locked)
    result = home.call("run", "otter", "--json")

    assert (result.code, len(tries)) == (0, 3)
    assert home.rows("select count(*) from watches") == [(30,)]
    assert home.rows("select count(*) from library_entries") == [(len(account.titles),)]


@pytest.mark.parametrize(("failure", "code"), [(KeyboardInterrupt, 130), (StorageError, 7)])
def test_rows_that_cease_to_come_are_told_as_what_they_are(home, served, monkeypatch, failure, code):
    served(make_account("otter", **SMALL))
    made = stages.load.ahead._parts

    def broken(*queries):
        parts = made(*queries)
        for _ in range(5):  # one table and the beginning of the next
            yield next(parts)
        raise failure("gone")

    monkeypatch.setattr(stages.load.ahead, "_parts", broken)
    result = home.call("run", "otter")
    monkeypatch.setattr(stages.load.ahead, "_parts", made)

    assert result.code == code
    assert "Database" not in result.err
    assert home.rows("select count(*) from library_entries") == [(0,)]
    assert home.call("resume").code == 0
    assert home.rows("select count(*) from watches") == [(30,)]


@pytest.mark.one_database
def test_ctrl_c_while_rows_are_written_is_an_interruption(home, served, monkeypatch):
    served(make_account("otter", **SMALL))
    append = stages.database.Database.append

    def interrupted(database, table, rows):
        def slowly():
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.1)  # the driver has a thread that hears of it
            yield from rows

        append(database, table, pa.RecordBatchReader.from_batches(rows.schema, slowly()))

    monkeypatch.setattr(stages.database.Database, "append", interrupted)
    result = home.call("run", "otter")
    monkeypatch.setattr(stages.database.Database, "append", append)

    assert result.code == 130, result.err
    assert home.rows("select count(*) from library_entries") == [(0,)]
    assert home.call("resume").code == 0
    assert home.rows("select count(*) from watches") == [(30,)]


def test_eight_imports_at_once_while_the_application_writes_lose_nothing(home, served):
    accounts = [make_account(f"user-{number}", seed=number, **SMALL) for number in range(8)]
    served(*accounts)
    for account in accounts:
        assert home.call("run", account.slug).code == 0
        account.add_play(account.titles[0], "2026-10-02T20:00:00.000Z")
        account.changed()
    run_one, stop = runner(home), threading.Event()
    written: list[int] = []

    def application():
        while not stop.is_set():
            home.change(
                "update library_entries set audio = 'mine' where title_id in (select min(title_id) from titles)"
            )
            home.change("update library_entries set hdr = 'mine', audio_channels = 'mine' where plays > 0")
            written.append(1)
            time.sleep(0.01)

    writer = threading.Thread(target=application)
    writer.start()
    try:
        codes = run_one(account.slug for account in accounts)
    finally:
        stop.set()
        writer.join()

    assert codes == [0] * 8
    assert written
    assert home.rows("select count(*) from watches") == [(8 * 31,)]
    assert home.rows("select count(*) from library_entries where plays > 0 and hdr is null") == [(0,)]
    assert home.rows("select count(*) from trakt_accounts where last_run_id is null") == [(0,)]


def runner(home):
    """Imports side by side, each a process of its own; their exit codes."""

    def start(slug):
        command = [sys.executable, "-m", "pipeline", "-q", "run", slug, "--json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, env=environment, cwd=home.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def all_of(slugs):
        processes = [start(slug) for slug in slugs]
        for process in processes:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, (out.decode(), err.decode())
        return [process.returncode for process in processes]

    return all_of
