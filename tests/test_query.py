"""`query`: what an analyst sees of the files, and what nobody can do through it."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pytest

from pipeline import connect
from pipeline.lake.connection import Lake
from pipeline.storage import Storage
from tests.sandbox.accounts import make_account

pytestmark = pytest.mark.one_database


@pytest.fixture
def otter(home, served):
    account = make_account("123", movies=15, shows=4, plays=150, watching=False)
    account.profile["username"] = "123"
    served(account, missing=2)
    assert home.call("run", "123", "--user-id", "7").code == 0
    return account


def ask(home, sql, form="json"):
    result = home.call("query", sql, "--format", form)
    assert result.code == 0, result.err
    return result.json if form == "json" else result.out


def test_every_view_is_there_without_any_file_with_the_columns_it_has_later(home, otter, tmp_path):
    empty, full = Lake(Storage(tmp_path / "empty")), Lake(Storage("data"))
    views = [row[0] for row in full.connection.execute("select name from views").fetchall()]

    for view in views:
        columns = [lake.connection.execute(f"describe {view}").fetchall() for lake in (empty, full)]
        assert columns[0] == columns[1], view
    assert {view for view in views if view != "views" and empty.connection.execute(f"from {view}").fetchall()} == set()
    assert {"history", "latest_history", "library_entries", "latest_outcomes", "titles", "events"} <= set(views)
    assert {row[0] for row in full.connection.execute("show tables").fetchall()} == set(views)


def test_latest_shows_the_last_completed_picture_one_row_per_key(home, otter):
    otter.add_play(otter.titles[0], "2026-10-01T20:00:00.000Z")
    home.call("run", "123", "--user-id", "7")
    plays = len(otter.history)
    otter.add_play(otter.titles[0], "2026-10-02T20:00:00.000Z")
    home.call("run", "123", "--user-id", "7", "--dry-run")

    counted = ask(home, 'select count(*) as n, count(distinct id) as ids, any_value("user") as u from latest_history')

    assert counted == [{"n": plays, "ids": plays, "u": "123"}]
    assert ask(
        home, "select count(distinct run) as runs, any_value(typeof(run)) as t from history where \"user\" = '123'"
    ) == [{"runs": 3, "t": "VARCHAR"}]
    for table in ("library_entries", "season_entries", "episode_entries", "watches"):
        known = {"status_at", "carried", "gone", "moved", "left_alone", "trakt_slug", "user", "run", "batch", "run_id"}
        with connect() as lake:
            names = [row[0] for row in lake.execute(f"describe latest_{table}").fetchall() if row[0] not in known]
        columns = ", ".join(names)
        theirs = ask(home, f"select {columns} from latest_{table} order by all")
        ours = home.rows(f"select {columns} from {table}")
        plain = {tuple(int(v) if isinstance(v, bool) else v for v in row.values()) for row in theirs}
        assert plain == set(ours)
        assert len(theirs) == len(ours)


def test_latest_goes_back_with_an_undo(home, otter):
    before = (
        ask(home, "select count(*) as n from latest_watches"),
        ask(home, "select count(*) as n from latest_history"),
    )
    otter.add_play(otter.titles[0], "2026-10-01T20:00:00.000Z")
    home.call("run", "123", "--user-id", "7")
    after = ask(home, "select count(*) as n from latest_watches"), ask(home, "select count(*) as n from latest_history")

    assert home.call("undo", home.call("runs", "--json").json[0]["run_id"]).code == 0

    assert after != before
    assert (
        ask(home, "select count(*) as n from latest_watches"),
        ask(home, "select count(*) as n from latest_history"),
    ) == before


def test_unfinished_shows_are_those_of_the_library_and_those_that_the_catalogue_lacks(home, otter):
    rows = ask(home, "select title_id, trakt_id, in_catalogue, watched_episodes, aired_episodes from unfinished_shows")

    begun = home.rows(
        "select title_id, watched_episodes, aired_episodes from library_entries "
        "where kind = 'show' and plays > 0 and watched_episodes < aired_episodes"
    )
    known = {(row["title_id"], row["watched_episodes"], row["aired_episodes"]) for row in rows if row["in_catalogue"]}
    assert known == set(begun)
    lacking = {row["trakt_id"] for row in ask(home, "select trakt_id from unmatched_titles where kind = 'show'")}
    seen = {
        row["show"]["ids"]["trakt"]: sum(len(season["episodes"]) for season in row["seasons"] if season["number"])
        for row in otter.watched_shows
    }
    aired = {row["show"]["ids"]["trakt"]: row["show"]["aired_episodes"] for row in otter.watched_shows}
    assert {row["trakt_id"]: row["watched_episodes"] for row in rows if not row["in_catalogue"]} == {
        trakt_id: seen[trakt_id] for trakt_id in lacking & set(seen) if seen[trakt_id] < aired[trakt_id]
    }


def test_ready_made_views_agree_with_the_account(home, otter):
    plays = ask(home, "select sum(plays)::bigint as n from plays_per_month")
    again = ask(home, "select coalesce(sum(plays - 1), 0)::bigint as n from rewatches")
    unmatched = ask(home, "select * from unmatched_titles")
    fresh = ask(home, "select user_id, days_old from freshness")
    finished = ask(home, "select episodes, started_at <= finished_at as forward from time_to_finish")
    rated = ask(home, "select sum(ratings)::bigint as n from ratings_by_release_year")

    about = {(row["type"], row[row["type"]]["ids"]["trakt"]) for row in otter.history}
    assert plays == [{"n": len(otter.history)}]
    assert again == [{"n": len(otter.history) - len(about)}]
    assert len(unmatched) == 2
    assert all(row["users"] == 1 and row["who"] == ["123"] and row["title_id"] is None for row in unmatched)
    assert fresh == [{"user_id": "7", "days_old": 0.0}]
    assert all(row["episodes"] and row["forward"] for row in finished)
    assert rated == [{"n": sum(row["type"] in ("movie", "show") for row in otter.ratings)}]


ATTACKS = (
    "copy (select 1) to 'data/out.csv'",
    "copy (select 1) to '.tmp/out.csv'",
    "copy (select 1) to '/dev/stdout'",
    "explain analyze copy (select 1) to 'data/out.csv'",
    "prepare p as copy (select 1) to 'data/out.csv'; execute p",
    "attach 'data/app.db' as app",
    "attach 'data/other.duckdb'",
    "export database 'data/out'",
    "install httpfs",
    "load httpfs",
    "load 'data/x.duckdb_extension'",
    "create persistent secret s (type s3)",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set lock_configuration = false",
    "set allowed_directories = ['/']",
    "set temp_directory = 'data/tmp'",
    "pragma enable_profiling = 'json'",
    "set python_enable_replacements = true",
    "from read_csv('/etc/passwd')",
    "from read_text('/etc/passwd')",
    "from '/etc/passwd'",
    "from '.env'",
    "from glob('/*')",
    "from read_blob('.env')",
    "from query('copy (select 1) to ''data/out.csv''')",
    "from query_table('/etc/passwd')",
    "select getenv('TRAKT_CLIENT_ID')",
    "import database 'data'",
    "from parquet_metadata('/etc/passwd')",
    "from sniff_csv('/etc/passwd')",
)


def test_no_statement_writes_or_reads_anything_else(home, monkeypatch):
    (home.path / ".env").write_text("SECRET=1\n")
    (home.path / "data").mkdir()
    before = sorted(home.path.rglob("*"))

    lake = Lake(Storage("data"), "")
    for sql in ATTACKS:
        with pytest.raises(duckdb.Error):
            lake.connection.execute(sql).fetchall()
    told = home.call("query", ATTACKS[0])

    assert told.code == 2
    assert told.err.startswith("Bad input: Permission Error")
    assert sorted(home.path.rglob("*")) == before


def test_the_notebook_has_the_same_lock(home):
    with connect() as lake, pytest.raises(Exception, match="disabled by configuration"):
        lake.sql("select 1 as a").write_parquet("out.parquet")
    assert not (home.path / "out.parquet").exists()


def test_formats(home):
    sql = "select 1 as n, null as nothing, 'a,\"b' as t, [1, 2] as l, timestamptz '2025-01-31 20:15:00Z' as d, 1.5 as x"
    row = {"n": 1, "nothing": None, "t": 'a,"b', "l": [1, 2], "d": "2025-01-31T20:15:00Z", "x": 1.5}

    assert ask(home, sql) == [row]
    assert ask(home, "select 1 as n where false") == []
    assert ask(home, sql, "csv").splitlines() == ["n,nothing,t,l,d,x", '1,,"a,""b","[1, 2]",2025-01-31T20:15:00Z,1.5']
    assert ask(home, "select 'äß' as word, 12 as n", "table").splitlines() == [
        "word   n",
        "----  --",
        "äß    12",
        "(1 row)",
    ]


def test_sql_comes_from_a_file_or_a_pipe(home, monkeypatch):
    (home.path / "q.sql").write_text(
        "create table t as select 41 as n;\nselect n + 1 as n from t;", encoding="utf-8-sig"
    )

    assert home.call("query", "-f", "q.sql", "--format", "json").json == [{"n": 42}]
    piped = subprocess.run(
        [sys.executable, "-m", "pipeline", "query", "--format", "csv"],
        input="select 1 as a; select 2 as b;",
        capture_output=True,
        text=True,
        check=True,
    )
    assert piped.stdout == "a\n1\nb\n2\n"
    assert home.call("query", "select 1", "-f", "q.sql").code == home.call("query", "-f", "none.sql").code == 2


@pytest.mark.parametrize("sql", ["select nothing from history", "selec 1", "", "from no_view"])
def test_a_query_that_fails_ends_with_a_hint(home, sql):
    result = home.call("query", sql)

    assert result.code == 2
    assert result.err.startswith("Bad input: ")
    assert len(result.err.splitlines()) == 2


def test_importing_the_door_costs_nothing():
    code = "import sys, pipeline; sys.exit(bool({'duckdb', 'pyarrow', 'click', 'msgspec'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
