"""Load into PostgreSQL, 1,000,000 rows over the four tables, beside COPY of the same rows into the same keyed tables.

100 users in one batch: 200,000 titles, 100,000 seasons, 300,000 episodes, 400,000 plays (`BENCH_ROWS` says another sum).
The server is as a server is: it syncs every commit. After each first load it vacuums, as it has done by the next night; not in
the midst of a figure, whenever its minute has come.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.clock import Clock
from pipeline.duck import copy_to, open_duckdb
from pipeline.events import Extracted, ImportRequested, Transformed
from pipeline.run import new_run_id
from pipeline.settings import Settings
from pipeline.storage import Storage
from stages.database import Database, open_database, prepare
from stages.load import load
from stages.load.merge import Batch
from stages.load.tables import TABLES, Table
from tests.bench.figures import Figure, in_turns, seconds
from tests.databases import Schema, Server, execute

ROWS, USERS = int(os.environ.get("BENCH_ROWS", "1000000")), 100
SHARES = {"library_entries": 0.2, "season_entries": 0.1, "episode_entries": 0.3, "watches": 0.4}
FLOOR = "COPY of the same rows, sorted, into the same tables with the same keys"
COUNTS = "select count(*), max(xmin::text::bigint) from {}"
# A row's number within its table, and what each column is made of it: every key once, sorted within the user.
VALUES = {
    "user_id": f"'user-' || lpad((i % {USERS})::varchar, 3, '0')",
    "title_id": "'title-' || lpad((i // {per_title} // {users})::varchar, 7, '0')",
    "season": "(i // {users}) % 4",
    "episode": "(i // {users}) % 20",
    "history_id": "i",
    "kind": "'show'",
    "status": "'finished'",
    "action": "'watch'",
    "score": "1 + i % 10",
}


@dataclass
class Ground:
    """A schema on the server, files, and the batches that are loaded."""

    schema: Schema
    storage: Storage

    @property
    def settings(self) -> Settings:
        """What `open_database` needs."""
        return Settings(database_url=self.schema.url)

    def batch(self, changed: str = "false") -> Batch:
        """A batch of one run for each user, its resolved rows written; where `changed` holds of `i`, the score is another."""
        batch_id, at = new_run_id(), Clock().stamp()
        runs = [new_run_id() for _ in range(USERS)]
        names = ", ".join(f"'{name}'" for name in runs)
        with open_duckdb() as connection:
            for table in TABLES:
                count = int(ROWS * SHARES[table.name])
                columns = ", ".join(_column(table, name, changed) for name in (*table.key, *table.values))
                dated = "null::timestamptz as status_at, " if "status" in table.values else ""
                query = (
                    f"select {columns}, {dated}false as carried, false as gone, false as moved, false as left_alone, "
                    f"'x' as trakt_slug, ([{names}])[1 + i % {USERS}] as run_id from range({count}) as t(i) "
                    f"order by {', '.join(table.key)}"
                )
                copy_to(connection, self.storage, query, f"resolved/{table.name}/batch={batch_id}/part-0.parquet")
            titles = (
                f"select 'movie' as kind, i as trakt_id, i as title, 'x' as name, 'title-' || i as title_id, ([{names}])"
                f"[1 + i % {USERS}] as run_id, 'x' as trakt_slug from range({int(ROWS * 0.2)}) as t(i)"
            )
            copy_to(connection, self.storage, titles, f"resolved/outcomes/batch={batch_id}/part-0.parquet")
            added = ", ".join(f"null::varchar as {name}" for name in _ADDED)
            none = f"select {added} limit 0"
            copy_to(connection, self.storage, none, f"resolved/added_titles/batch={batch_id}/part-0.parquet")
        return [_run(number, run_id, batch_id, at) for number, run_id in enumerate(runs)]

    def load(self, batch: Batch) -> float:
        """Seconds of one load."""
        with open_database(self.settings) as database:
            return seconds(lambda: load(batch, database=database, storage=self.storage, at=Clock().stamp()))

    def empty(self, *tables: str) -> None:
        """No row in the tables, as after their creation."""
        names = tables or (*(table.name for table in TABLES), "trakt_accounts", "import_runs")
        execute(self.schema.url, f"truncate {', '.join(names)}")

    def written(self) -> list[Any]:
        """What moves when a row of the four tables is written: how many there are, and the newest transaction's id."""
        return [execute(self.schema.url, COUNTS.format(table.name))[0] for table in TABLES]


_ADDED = (
    "title_id",
    "kind",
    "name",
    "year",
    "trakt_id",
    "imdb_id",
    "tmdb_id",
    "tvdb_id",
    "aired_episodes",
    "run_id",
    "trakt_slug",
)


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """First load, nothing changed with and without a baseline, 1 % changed; what others at work wait for."""
    here = Ground(Server(settings=("max_wal_size = '4GB'", "autovacuum = off")).schema(), Storage(folder))
    with open_database(here.settings) as database:
        prepare(database)
    batch = here.batch()
    here.load(batch)
    with open_database(here.settings) as database:
        rows = {table.name: _rows(database, table) for table in TABLES}

    def floor() -> float:
        here.empty()
        with open_database(here.settings) as database:

            def copy() -> None:
                with database.transaction():
                    for name, found in rows.items():
                        database.append(name, found)

            return seconds(copy)

    def first() -> float:
        here.empty()
        taken = here.load(here.batch())
        execute(here.schema.url, *(f"vacuum (analyze) {table.name}" for table in TABLES))
        return taken

    def unchanged() -> float:
        again = here.batch()
        before = here.written()
        taken = here.load(again)
        _same(before, here.written())
        return taken

    def unknown() -> float:
        execute(here.schema.url, "update trakt_accounts set last_run_id = null")
        return unchanged()

    def few() -> float:
        return here.load(here.batch(f"i % 10000 < {USERS}"))

    copied, value, same, blind, some = in_turns(rounds, floor, first, unchanged, unknown, few)
    yield Figure("first load", value, floor=copied, floor_is=FLOOR, ratio_target=1.5)
    what = "the first load"
    yield Figure("nothing changed", same, floor=value, floor_is=what, ratio_target=0.1)
    yield Figure("nothing changed, no baseline", blind, floor=value, floor_is=what, ratio_target=0.35)
    yield Figure("1 % changed", some, floor=value, floor_is=what, ratio_target=0.15)
    here.empty()
    batch = here.batch()
    with _others(here.schema.url) as longest:
        here.load(batch)
    yield Figure("a reader's longest wait meanwhile", longest["reader"])
    yield Figure("a writer's longest wait meanwhile", longest["writer"])


@contextmanager
def _others(url: str) -> Iterator[dict[str, float]]:
    """Somebody reads and somebody writes rows of another user all the while; the longest that each took, in seconds."""
    import adbc_driver_postgresql.dbapi as driver

    statements = {
        "reader": "select count(*) from library_entries where user_id = 'other'",
        "writer": "insert into library_entries (user_id, title_id, kind) values ('other', 'x', 'movie') "
        "on conflict (user_id, title_id) do update set plays = library_entries.plays + 1",
    }
    longest, stop = dict.fromkeys(statements, 0.0), threading.Event()

    def work(name: str) -> None:
        connection = driver.connect(url, autocommit=True)
        cursor = connection.cursor()
        while not stop.is_set():
            longest[name] = max(longest[name], seconds(lambda: cursor.execute(statements[name])))
            time.sleep(0.005)
        cursor.close()
        connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in statements]
    for thread in threads:
        thread.start()
    try:
        yield longest
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _same(before: list[Any], after: list[Any]) -> None:
    if before != after:
        raise RuntimeError(f"a load in which nothing had changed wrote rows: {before}, {after}")


def _column(table: Table, name: str, changed: str) -> str:
    per_title = {"library_entries": 1, "season_entries": 4, "episode_entries": 20, "watches": 10}[table.name]
    kind = (table.key | table.values)[name]
    made = VALUES.get(name, {"text": "null::varchar", "number": "i % 7", "flag": "false"}.get(kind, ""))
    if kind == "moment":
        made = f"timestamptz '2024-01-01T00:00:00Z' + to_seconds(i % 10000000 + case when {changed} then 1 else 0 end)"
    if name == "plays":
        made = f"i % 7 + case when {changed} then 1 else 0 end"
    return f"{made.format(users=USERS, per_title=per_title)} as {name}"


def _run(number: int, run_id: str, batch_id: str, at: str) -> tuple[ImportRequested, Extracted, Transformed]:
    user = f"user-{number:03}"
    return (
        ImportRequested(run_id=run_id, at=at, user=user),
        Extracted(
            run_id=run_id,
            at=at,
            user_id=user,
            trakt_username=user,
            trakt_slug=user,
            trakt_user_id=number,
            inputs={},
            endpoints={},
        ),
        Transformed(
            run_id=run_id,
            at=at,
            batch_id=batch_id,
            catalog_snapshot="none",
            rows={table: int(ROWS * share / USERS) for table, share in SHARES.items()},
        ),
    )


def _rows(database: Database, table: Table) -> Any:
    order = ", ".join(table.key)
    with database.read(f"(select * from {table.name} order by {order}) as t", table.columns) as rows:
        return rows.read_all()
