"""Compare Trakt's side of every row with the baseline and with the database's; say what is to be written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.duck import copy_to, open_duckdb, parquet, run_script, side_by_side, sql_of
from pipeline.events import Counts
from pipeline.storage import Storage
from stages.database import Database
from stages.load.accounts import bases as bases_of
from stages.load.columns import changes, inserts, lists
from stages.load.comparison import Batch, Comparison, Writes
from stages.load.rows import read_ours
from stages.load.tables import TABLES, TITLES, Table

if TYPE_CHECKING:
    import duckdb

ACTED = "acted as a join (select run, run_id from runs) as r using (run)"
# Rows; where there are more, the tables are compared one after the other, to save memory.
MANY = 100_000


def compare(batch: Batch, database: Database, storage: Storage, batch_id: str, at: str) -> Comparison:
    """Merge in memory: read ours where Trakt's side has changed since the baseline, decide, write the files."""
    known = bases_of(database, [extracted.user_id for _, extracted, _ in batch])
    bases = [known.get(extracted.user_id, (None, None)) for _, extracted, _ in batch]
    comparison = Comparison([run_id for run_id, _ in bases])
    with open_duckdb() as connection:
        run_script(connection, __package__, "macros")
        _runs(connection, batch, bases)
        for number in range(len(batch)):
            comparison.counts[number] = {}
        one_reads = threading.Lock()

        def merge(aside: duckdb.DuckDBPyConnection, table: Table) -> tuple[dict[int, Counts], Writes]:
            _decide(aside, database, one_reads, storage, table, batch_id, bases)
            if not batch[0][0].dry_run:
                copy_to(aside, storage, _before(table), f"before/{table.name}/batch={batch_id}/part-0.parquet")
            return _counts(aside), Writes(
                aside.sql(inserts(table, _values(database, table, at, "true"), ACTED)).to_arrow_table(),
                aside.sql(changes(database, table, _values(database, table, at, "a.clean"), ACTED)).to_arrow_table(),
            )

        rows = sum(sum(transformed.rows.values()) for _, _, transformed in batch)
        merged = side_by_side(connection, merge, TABLES, 2 if rows < MANY else 1)
        for table, (counts, writes) in zip(TABLES, merged, strict=True):
            comparison.writes[table.name] = writes
            for number in counts:
                comparison.counts[number][table.name] = counts[number]
        comparison.titles = _outcomes(connection, storage, batch, batch_id)
        titles = ", ".join(f"{database.handed(name, name, kind)} as {name}" for name, kind in TITLES.items())
        added = connection.sql(
            f"select {titles} from {_resolved(storage, 'added_titles', batch_id)} qualify "
            "row_number() over (partition by title_id order by run_id) = 1 order by title_id"
        ).to_arrow_table()
        comparison.added_titles = added if added.num_rows else None
    return comparison


def _runs(connection: duckdb.DuckDBPyConnection, batch: Batch, bases: Sequence[tuple[str | None, str | None]]) -> None:
    connection.execute(
        "create table runs (run bigint, run_id varchar, user_id varchar, trakt_slug varchar, started_at timestamptz, "
        "overwrite boolean, prune boolean, base_run_id varchar, base_batch_id varchar)"
    )
    for number, (request, extracted, transformed) in enumerate(batch):
        connection.execute(
            "insert into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number,
                transformed.run_id,
                extracted.user_id,
                extracted.trakt_slug,
                request.at,
                request.mode == "overwrite",
                request.prune,
                *bases[number],
            ],
        )


def _decide(
    connection: duckdb.DuckDBPyConnection,
    database: Database,
    one_reads: threading.Lock,
    storage: Storage,
    table: Table,
    batch_id: str,
    bases: Sequence[tuple[str | None, str | None]],
) -> None:
    """Make `theirs` (what changed since the baseline), `base`, `ours`, `decided` and `acted` of one table."""
    batches = sorted({batch for _, batch in bases if batch})
    files = [f"resolved/{table.name}/batch={name}/part-0.parquet" for name in batches]
    files = [name for name in files if storage.exists(name)]
    resolved = _resolved(storage, table.name, batch_id)
    connection.execute(f"create view resolved as select * from {resolved}")
    baseline = parquet(storage, files) if files else f"(from {resolved} limit 0)"
    connection.execute(f"create view baseline as select * from {baseline}")
    parts = lists(table)
    run_script(connection, __package__, "theirs", **parts)
    with one_reads:
        read_ours(connection, database, table)
    for script in ("decided", "actions", "kept"):
        run_script(connection, __package__, script, **parts)
    connection.execute(
        "insert into changed_titles select distinct run, title_id from acted where fate in ('insert', 'update')"
    )


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[int, Counts]:
    rows = connection.execute(sql_of(__package__, "counts")).fetchall()
    return {run: Counts(**dict(zip(Counts.__struct_fields__, counts, strict=True))) for run, *counts in rows}


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
    run_script(
        connection,
        __package__,
        "outcomes",
        resolved=_resolved(storage, "outcomes", batch_id),
        rejected=parquet(storage, files)
        if files
        else "(select '' as endpoint, '' as path, '' as raw, '' as run_id limit 0)",
    )
    query = "select * exclude (run) from loaded_outcomes order by run_id, kind, trakt_id, name"
    copy_to(connection, storage, query, f"loaded/outcomes/batch={batch_id}/part-0.parquet")
    query = (
        "select r.user_id, k.* exclude (run), r.trakt_slug, r.run_id from kept_values as k join runs as r using (run) "
        'order by r.run_id, title_id, season nulls first, episode nulls first, history_id, "column"'
    )
    copy_to(connection, storage, query, f"loaded/kept/batch={batch_id}/part-0.parquet")
    return {
        number: {"imported": imported, "skipped": skipped, "error": error}
        for number, imported, skipped, error in connection.execute("select * from totals order by run").fetchall()
    }


def _before(table: Table) -> str:
    """The changed rows as they were (`was_run_id`: the run that wrote them), and, of updated ones, what they become."""
    was = ", ".join(
        f"o.{name}" + (" as was_run_id" if name == "run_id" else "") for name in table.columns if name not in table.key
    )
    keys = ", ".join(f"a.{name}" for name in table.key)
    became = ", ".join(f"{name} := a.{name}" for name in table.values)
    return (
        f"select a.fate, {keys}, {was}, case when a.fate = 'update' then struct_pack({became}) end as became, "
        "r.trakt_slug, r.run_id from acted as a join (select run, run_id, trakt_slug from runs) as r using (run) "
        f"left join ours as o using ({', '.join(table.key)}) where a.fate in ('insert', 'update', 'delete') "
        f"order by {keys}"
    )


def _values(database: Database, table: Table, at: str, fresh: str) -> dict[str, str]:
    """The SQL of every column of `acted`; no `updated_at` where the row is not `fresh`: the application's is to stay."""
    now = database.handed(f"timestamptz '{at}'", "updated_at", "moment")
    values = {name: database.handed(f"a.{name}", name, kind) for name, kind in (table.key | table.values).items()}
    stamps = {
        "source": "'trakt'",
        "run_id": "r.run_id",
        "created_at": now,
        "updated_at": f"case when {fresh} then {now} end",
    }
    return values | {name: stamps[name] for name in table.stamps}


def _resolved(storage: Storage, table: str, batch_id: str) -> str:
    return parquet(storage, [f"resolved/{table}/batch={batch_id}/part-0.parquet"])
