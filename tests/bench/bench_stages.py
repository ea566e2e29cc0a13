"""Extract, transform and load by themselves, each beside the least that its work can take.

One account: 100,000 plays, 5,000 movies, 1,500 shows, against a catalogue of 1,000,000 titles.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.clock import Clock
from pipeline.events import Extracted, ImportRequested
from pipeline.run import new_run_id
from tests.bench.bare import fetch
from tests.bench.bench_memory import HUGE, TITLES
from tests.bench.figures import Figure, in_turns, seconds
from tests.bench.ground import Ground, enlarge, sandbox

if TYPE_CHECKING:
    import pyarrow as pa

    from stages.database import Database
    from stages.load.tables import Table

AT_ONCE, LATENCY = 16, 50


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """The three stages."""
    with sandbox(folder, [HUGE], latency_ms=LATENCY) as url:
        here = Ground(folder, url)
        here.fill(enlarge(folder / "catalogue.csv", TITLES))
        yield _extract(here, rounds)
        requested, extracted = _read(here)
    staged = requested, extracted
    yield _transform(here, staged, rounds)
    yield from _load(here, staged, rounds)


def _read(here: Ground) -> tuple[ImportRequested, Extracted]:
    from stages.extract import extract
    from stages.extract.client import Client, Guest

    request = ImportRequested(run_id=new_run_id(), at=Clock().stamp(), user="huge")

    async def work() -> Extracted:
        async with Client(here.settings, Clock(), lambda seconds, reason: None) as client:
            return await extract(
                request,
                settings=here.settings,
                storage=here.storage,
                clock=Clock(),
                client=Guest(client),
                on_profile=lambda profile: (profile.slug, profile.slug),
            )

    return request, asyncio.run(work())


def _extract(here: Ground, rounds: int) -> Figure:
    def ours() -> float:
        # What the last one wrote stays until the end: a file system still busy with removing it would be timed, too.
        os.sync()
        return seconds(lambda: _read(here))

    def bare() -> float:
        return seconds(lambda: asyncio.run(fetch(here.api_url, "huge", AT_ONCE)))

    ours(), bare()  # the sandbox prepares its answers, we our imports
    value, floor = in_turns(rounds, ours, bare)
    shutil.rmtree(here.data / "staged")
    what = f"the same pages by bare httpx, {AT_ONCE} at once"
    return Figure(f"extract, {LATENCY} ms latency", value, floor=floor, floor_is=what, ratio_target=1.35)


def _snapshot(here: Ground) -> str:
    return here.storage.names("catalog")[-1].removeprefix("snapshot=")


def _transform(here: Ground, staged: tuple[ImportRequested, Extracted], rounds: int) -> Figure:
    from pipeline.duck import open_duckdb, parquet, quoted
    from stages.transform import Baseline, transform
    from stages.transform.stage import ENDPOINTS, KEYS

    request, extracted = staged
    run_id, storage = extracted.run_id, here.storage

    def ours() -> float:
        return seconds(
            lambda: transform(
                [(request, extracted)],
                {run_id: Baseline()},
                storage=storage,
                snapshot=_snapshot(here),
                batch_id=run_id,
                at=request.at,
            )
        )

    ours()
    with open_duckdb() as connection:
        for table in KEYS:
            source = parquet(storage, [f"resolved/{table}/batch={run_id}/part-0.parquet"])
            connection.execute(f"create table resolved_{table} as from {source}")

        def scan(columns: str, files: list[str]) -> None:
            # A hash of each value, so that none is skipped for what the file's statistics say.
            names = connection.execute(f"describe select {columns} from {parquet(storage, files)}").fetchall()
            hashes = ", ".join(f'bit_xor(hash("{name[0]}"))' for name in names)
            connection.execute(f"select {hashes} from {parquet(storage, files)}").fetchall()

        def plain() -> None:
            ids = "title_id, kind, trakt_id, imdb_id, tmdb_id, tvdb_id, aired_episodes"
            scan(ids, [f"catalog/snapshot={_snapshot(here)}/titles.parquet"])
            for endpoint in ENDPOINTS:
                if files := storage.staged(endpoint, "huge", run_id):
                    scan("* exclude (raw, trakt_slug, run_id, page, fetched_at)", files)
            for table in KEYS:
                target = quoted(str(here.folder / f"{table}.parquet"))
                connection.execute(f"copy resolved_{table} to {target} (format parquet)")

        value, floor = in_turns(rounds, ours, lambda: seconds(plain))
    what = "a scan of the same columns, and a COPY of the same rows"
    return Figure("transform", value, floor=floor, floor_is=what, ratio_target=3.0)


def _load(here: Ground, staged: tuple[ImportRequested, Extracted], rounds: int) -> Iterator[Figure]:
    from stages.database import open_database
    from stages.load import baseline, load
    from stages.load.tables import TABLES
    from stages.transform import Baseline, transform

    request, extracted = staged

    def resolve() -> Any:
        """The staged rows under the name of a new run, resolved against what the database knows."""
        name = new_run_id()
        asked, read = msgspec.structs.replace(request, run_id=name), msgspec.structs.replace(extracted, run_id=name)
        with open_database(here.settings) as database:
            run_id, batch_id, _ = baseline(database, extracted.user_id, "update")
        made = transform(
            [(asked, read)],
            {name: Baseline(run_id, batch_id)},
            storage=here.storage,
            snapshot=_snapshot(here),
            batch_id=name,
            at=request.at,
        )
        return [(asked, read, made[0])]

    def merge(batch: Any) -> float:
        with open_database(here.settings) as database:
            return seconds(lambda: load(batch, database=database, storage=here.storage, at=Clock().stamp()))

    batch = resolve()
    here.keep()
    merge(batch)
    with open_database(here.settings) as database:
        rows = {table.name: _rows(database, table) for table in TABLES}

    def first() -> float:
        here.fresh()
        return merge(batch)

    def unchanged() -> float:
        again = resolve()
        os.sync()
        return merge(again)

    def append(*settings: str) -> float:
        here.fresh()
        with open_database(here.settings) as database:
            for setting in settings:
                database.execute(setting)

            def plain() -> None:
                with database.transaction():
                    for name, written in rows.items():
                        database.append(name, written)

            return seconds(plain)

    tuples = {name: list(zip(*(column.to_pylist() for column in table), strict=True)) for name, table in rows.items()}

    # Millions of objects that no import has: the collector is not to look at them while others are timed.
    gc.freeze()

    def insert() -> float:
        here.fresh()
        with closing(sqlite3.connect(here.data / "app.db")) as connection:
            connection.execute("pragma cache_size = -65536")

            def plain() -> None:
                with connection:
                    for name, written in tuples.items():
                        columns = rows[name].column_names
                        marks = ", ".join("?" * len(columns))
                        sql = f"insert into {name} ({', '.join(columns)}) values ({marks})"
                        connection.executemany(sql, written)

            return seconds(plain)

    # These are short, and two of them near each other: more rounds tell them apart.
    value, again, floor, roomy, prepared = in_turns(
        3 * rounds, first, unchanged, append, lambda: append("pragma cache_size = -65536"), insert
    )
    what = "an ADBC bulk append of the same rows, sorted, into the same tables"
    yield Figure("load into SQLite", value, floor=floor, floor_is=what, ratio_target=2.0)
    yield Figure("load into SQLite, nothing changed", again, floor=floor, floor_is=what, ratio_target=0.3)
    what = "the quickest of that, the same with a large cache, and a prepared INSERT of each row"
    floor = min(floor, roomy, prepared)
    yield Figure("load into SQLite, beside the quickest insert", value, floor=floor, floor_is=what, ratio_target=1.5)


def _rows(database: Database, table: Table) -> pa.Table:
    """The rows of a table, sorted by key."""
    with database.read(f"(select * from {table.name} order by {', '.join(table.key)}) as t", table.columns) as rows:
        return rows.read_all()
