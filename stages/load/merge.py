"""Compare Trakt's side of every row with the baseline and with the database's; say what is to be written."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pipeline.duck import beside, copy_to, open_duckdb, parquet, run_script, side_by_side
from pipeline.events import Counts
from pipeline.storage import Storage
from stages.database import TITLES, Database
from stages.load.accounts import bases as bases_of
from stages.load.ahead import ahead
from stages.load.comparison import Batch, Comparison, Writes
from stages.load.merge_table import Base, Sides, merge_table, resolved_rows
from stages.load.tables import TABLES

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@contextmanager
def compare(batch: Batch, database: Database, storage: Storage, at: str) -> Iterator[Comparison]:
    """Merge in memory: read ours where Trakt's side has changed since the baseline, decide, write the files.

    Its `fresh` rows can be read until it is left.
    """
    known = bases_of(database, [extracted.user_id for _, extracted, _ in batch])
    bases = [known.get(extracted.user_id, (None, None)) for _, extracted, _ in batch]
    comparison, batch_id = Comparison([run_id for run_id, _ in bases]), batch[0][2].batch_id
    with open_duckdb() as connection:
        run_script(connection, __package__, "macros")
        _runs(connection, batch, bases)
        for number in range(len(batch)):
            comparison.counts[number] = {}
        sides = Sides(batch, bases, database, storage, at)
        merged, comparison.titles = _merged(connection, sides)
        for table in TABLES:
            counts, comparison.writes[table.name] = merged[table.name]
            for number in counts:
                comparison.counts[number][table.name] = counts[number]
        fresh = [writes.fresh for writes in comparison.writes.values() if writes.fresh and not batch[0][0].dry_run]
        with ahead(connection, fresh) as comparison.fresh:
            comparison.added_titles = _added_titles(connection, database, storage, batch, batch_id)
            yield comparison


def _merged(
    connection: duckdb.DuckDBPyConnection, sides: Sides
) -> tuple[dict[str, tuple[dict[int, Counts], Writes]], dict[int, dict[str, int]]]:
    """What comes of each table, and the titles of each run by fate: these are told while the tables' files are written."""
    # The largest first: no long one is then left alone at the end.
    tables = sorted(TABLES, key=lambda table: -sum(event.rows.get(table.name, 0) for _, _, event in sides.batch))
    batch, undecided, one_counts = sides.batch, len(TABLES), threading.Lock()
    told: list[Future[dict[int, dict[str, int]]]] = []
    with beside(connection) as aside, ThreadPoolExecutor(1, thread_name_prefix="outcomes") as pool:

        def on_decided() -> None:
            nonlocal undecided
            with one_counts:
                undecided -= 1
                if not undecided:
                    told.append(pool.submit(_outcomes, aside, sides.storage, batch, batch[0][2].batch_id))

        try:
            merged = side_by_side(connection, partial(merge_table, sides, on_decided), tables, 2)
            return dict(zip([table.name for table in tables], merged, strict=True)), told[0].result()
        except BaseException:
            aside.interrupt()
            raise


def _runs(connection: duckdb.DuckDBPyConnection, batch: Batch, bases: Sequence[Base]) -> None:
    connection.execute(
        "create table runs (run bigint, run_id varchar, user_id varchar, trakt_slug varchar, started_at timestamptz, "
        "overwrite boolean, prune boolean, base_run_id varchar, base_batch_id varchar)"
    )
    rows = [
        (
            number,
            transformed.run_id,
            extracted.user_id,
            extracted.trakt_slug,
            request.at,
            request.mode == "overwrite",
            request.prune,
            *bases[number],
        )
        for number, (request, extracted, transformed) in enumerate(batch)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    connection.execute(f"insert into runs select {', '.join(['unnest(?)'] * len(columns))}", columns)


def _added_titles(
    connection: duckdb.DuckDBPyConnection, database: Database, storage: Storage, batch: Batch, batch_id: str
) -> pa.Table | None:
    """The titles that the runs add to the catalogue, if any; beside it already, but in a dry run."""
    columns = ", ".join(f"{database.handed(name, name, kind)} as {name}" for name, kind in TITLES.items())
    added = connection.sql(
        f"select {columns} from {resolved_rows(storage, 'added_titles', batch_id)} qualify "
        "row_number() over (partition by title_id order by run_id) = 1 order by title_id"
    ).to_arrow_table()
    if added and not batch[0][0].dry_run:
        database.stage("added_titles", TITLES, added)
    return added or None


def _outcomes(
    connection: duckdb.DuckDBPyConnection, storage: Storage, batch: Batch, batch_id: str
) -> dict[int, dict[str, int]]:
    """Write `loaded/outcomes`, one row per Trakt title; the titles of each run by fate."""
    read = sorted(
        {
            (extracted.trakt_slug, run_id)
            for _, extracted, _ in batch
            for run_ids in extracted.inputs.values()
            for run_id in run_ids
        }
    )
    files = [name for slug, run_id in read for name in storage.staged("rejected", slug, run_id)]
    connection.execute("create table inputs (run bigint, endpoint varchar, run_id varchar)")
    rows = [
        (number, endpoint, run_id)
        for number, (_, extracted, _) in enumerate(batch)
        for endpoint, run_ids in extracted.inputs.items()
        for run_id in run_ids
    ]
    if files:
        connection.executemany("insert into inputs values (?, ?, ?)", rows)
    run_script(connection, __package__, "outcomes", resolved=resolved_rows(storage, "outcomes", batch_id))
    written = f"loaded/outcomes/batch={batch_id}/part-0.parquet"
    copy_to(connection, storage, "select * exclude (run) from loaded_outcomes", written)
    nothing = "(select '' as endpoint, '' as path, '' as raw, '' as run_id limit 0)"
    rejected = parquet(storage, files) if files else nothing
    run_script(connection, __package__, "totals", outcomes=parquet(storage, [written]), rejected=rejected)
    query = (
        "select r.user_id, k.* exclude (run), r.trakt_slug, r.run_id from kept_values as k join runs as r using (run) "
        'order by r.run_id, title_id, season nulls first, episode nulls first, history_id, "column"'
    )
    copy_to(connection, storage, query, f"loaded/kept/batch={batch_id}/part-0.parquet")
    return {
        number: {"imported": imported, "skipped": skipped, "error": error}
        for number, imported, skipped, error in connection.execute("select * from totals order by run").fetchall()
    }
