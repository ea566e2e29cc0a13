"""PostgreSQL's own: rows that others hold, nothing written where nothing changed, a full disk, TLS."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

import stages.load.stage
from pipeline.duck import open_duckdb
from pipeline.settings import Settings
from stages.database import open_database
from stages.load.rows import read_ours
from stages.load.tables import SEASONS
from tests.sandbox.accounts import make_account

SMALL = {"movies": 6, "shows": 2, "plays": 30}
ENTRIES = ("library_entries", "season_entries", "episode_entries", "watches")
pytestmark = pytest.mark.on_postgresql


@contextmanager
def held(home, statement, seconds):
    """Another session runs a statement and commits only after so long."""
    import adbc_driver_postgresql.dbapi as driver

    with closing(driver.connect(home.database.url)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        timer = threading.Timer(seconds, connection.commit)
        timer.start()
        yield
        timer.join()


def versions(home):
    """Every row version of the entry tables: where it lies, and who made, changed or locked it last."""
    columns = "cast(ctid as text), cast(xmin as text), cast(xmax as text)"
    return {table: home.rows(f"select {columns} from {table} order by ctid") for table in ENTRIES}


def counters(home, runs, counted="n_tup_ins + n_tup_upd + n_tup_del + n_dead_tup"):
    """What the server has counted of the entry tables, once the session of so many runs has told it."""
    sql = (
        f"select cast(relname as text), n_tup_ins, {counted} from pg_stat_all_tables "
        f"where schemaname = '{home.database.schema}'"
    )
    for _ in range(200):
        found = {table: (inserted, count) for table, inserted, count in home.rows(sql)}
        if found["import_runs"][0] == runs:
            return {table: found[table][1] for table in ENTRIES}
        time.sleep(0.02)
    raise AssertionError(found)


def test_where_nothing_changed_not_one_row_is_written_or_locked(home, served):
    served(make_account("otter", **SMALL))
    assert home.call("run", "otter").code == 0
    before, counted = versions(home), counters(home, 1)

    known = home.call("run", "otter", "--full")
    home.change("update trakt_accounts set last_run_id = null")
    unknown = home.call("run", "otter", "--full")

    assert known.code == unknown.code == 0
    assert versions(home) == before
    assert counters(home, 3) == counted


def test_a_row_that_another_session_is_just_making_is_waited_for_and_merged(home, served):
    served(make_account("otter", **SMALL))
    home.call("db", "upgrade")
    (title,) = home.rows("select min(title_id) from titles where kind = 'movie'")[0]

    row = f"insert into library_entries (user_id, title_id, kind, hdr) values ('otter', '{title}', 'movie', 'mine')"
    with held(home, row, 0.8):
        result = home.call("run", "otter", "--json")

    assert result.code == 0, result.err
    assert home.rows(f"select hdr, plays > 0, source from library_entries where title_id = '{title}'") == [
        ("mine", 1, None)
    ]
    assert home.rows("select count(*) from watches") == [(30,)]


def test_while_a_row_is_held_none_is_written_in_vain_twice(home, served, monkeypatch):
    import adbc_driver_postgresql.dbapi as driver

    account = make_account("otter", **SMALL)
    served(account)
    home.call("run", "otter")
    shown = next(title for title in account.titles if title.kind == "show")
    account.add_play(shown, "2026-10-02T20:00:00.000Z")
    account.changed()
    before = counters(home, 1, "n_tup_upd")
    written, tries = stages.load.stage._written, []

    with closing(driver.connect(home.database.url)) as other, closing(other.cursor()) as cursor:
        cursor.execute("select 1 from season_entries for update")

        def tried(*compared, **how):
            tries.append(how)
            if len(tries) == 4:
                other.commit()
            written(*compared, **how)

        monkeypatch.setattr(stages.load.stage, "_written", tried)
        result = home.call("run", "otter", "--full")

    assert (result.code, len(tries)) == (0, 4), result.err
    assert home.rows("select count(*) from watches") == [(31,)]
    # Its entry: once before the held row was met, and once for good.
    assert counters(home, 2, "n_tup_upd")["library_entries"] == before["library_entries"] + 2


@pytest.mark.parametrize("command", ["undo", "forget"])
def test_a_row_that_another_session_holds_is_waited_for(home, served, command):
    served(make_account("otter", **SMALL))
    run_id = home.call("run", "otter").err.split()[-1]

    with held(home, "select 1 from library_entries for update", 0.4):
        result = home.call(command, run_id if command == "undo" else "otter")

    assert result.code == 0, result.err
    assert home.rows("select count(*) from library_entries") == [(0,)]


def test_a_full_disk_is_exit_7_with_nothing_written_and_resume_finishes(home, served):
    served(make_account("otter", **SMALL))
    home.call("db", "upgrade")
    home.change(
        "create function full_disk() returns trigger language plpgsql as $$ begin raise exception "
        "'could not extend file \"base/5/16384\": No space left on device' using errcode = '53100'; end $$"
    )
    home.change("create trigger full_disk before insert on watches execute function full_disk()")

    broken = home.call("run", "otter", "--json")

    assert broken.code == 7
    assert "No space left on device" in broken.json["error"]
    assert "short of disk" in broken.json["hint"]
    assert versions(home) == {table: [] for table in ENTRIES}
    home.change("drop trigger full_disk on watches")
    assert home.call("resume").code == 0
    assert home.rows("select count(*) from watches") == [(30,)]


@pytest.mark.parametrize(("mode", "said"), [("require", "SSL"), ("disable", "closed the connection")])
def test_tls_options_reach_the_server(home, monkeypatch, mode, said):
    """A server without TLS that hangs up on whoever asks for nothing better."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    asked = []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(8)[4:8])
                connection.sendall(b"N" if asked[-1] == b"\x04\xd2\x16\x2f" else b"")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        monkeypatch.setenv("DATABASE_URL", f"postgresql://me:Pa55word@127.0.0.1:{port}/app?sslmode={mode}")
        result = home.call("users", "list")
        listening.shutdown(socket.SHUT_RDWR)

    assert result.code == 7
    assert said in result.err
    assert "Pa55" not in result.err
    assert {packet == b"\x04\xd2\x16\x2f" for packet in asked} == {mode == "require"}


def test_a_table_that_was_analyzed_while_it_was_filled_is_no_slower_to_look_up(home):
    """Its rows were not there yet, so the planner takes it for an empty one: it may read it whole, but once."""
    home.call("db", "upgrade")
    home.change(
        "insert into season_entries (user_id, title_id, season, run_id) "
        "select 'otter', lpad(cast(i as text), 9, '0'), 1, repeat('x', 1500) from generate_series(1, 30000) as i"
    )
    home.change("analyze season_entries")
    home.rows(
        f"select cast(pg_restore_relation_stats('schemaname', '{home.database.schema}', 'relname', 'season_entries', "
        "'relpages', 6000, 'reltuples', cast(0 as real)) as text)"
    )
    settings = Settings(database_url=home.database.url + "%20-cstatement_timeout%3D3000")
    with open_database(settings) as database, open_duckdb() as connection:
        connection.execute(
            "create table wanted as select 'otter' as user_id, lpad(i::varchar, 9, '0') as title_id, 1::bigint as season "
            "from range(7, 30001, 7) as t(i)"
        )
        read_ours(connection, database, SEASONS)

        assert connection.execute("select count(*) from read").fetchall() == [(4285,)]
