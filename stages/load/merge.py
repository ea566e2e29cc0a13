"""Compare Trakt's side of every row with the baseline and with the database's; say what is to be written."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.duck import copy_to, open_duckdb, parquet, run_script, side_by_side, sql_of
from pipeline.events import Counts
from pipeline.storage import Storage
from stages.database import Database
from stages.load.accounts import bases as bases_of
from stages.load.alike import alike
from stages.load.columns import TYPES, changes, inserts, lists
from stages.load.comparison import Batch, Comparison, Writes
from stages.load.rows import read_ours, users_of
from stages.load.tables import TABLES, TITLES, Table

if TYPE_CHECKING:
    import duckdb

BY_RUN = "as a join (select run, run_id from runs) as r using (run)"
# Of a user's rows: where more than that are wanted of the database, all are read.
MOST = 0.3
Base = tuple[str | None, str | None]
"""A user's last import: run and batch."""


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
        one_reads = threading.Lock()

        def merge(aside: duckdb.DuckDBPyConnection, table: Table) -> tuple[dict[int, Counts], Writes]:
            return _merge(aside, connection, table, batch, bases, database, one_reads, storage, at)

        merged = side_by_side(connection, merge, TABLES, 2)
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
        yield comparison


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
    marks = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
    connection.execute(f"insert into runs values {marks}", [value for row in rows for value in row])


def _merge(
    connection: duckdb.DuckDBPyConnection,
    home: duckdb.DuckDBPyConnection,
    table: Table,
    batch: Batch,
    bases: Sequence[Base],
    database: Database,
    one_reads: threading.Lock,
    storage: Storage,
    at: str,
) -> tuple[dict[int, Counts], Writes]:
    """Compare one table and write its `before/`; the rows of each fate, by run, and what is to be written."""
    batch_id, parts = batch[0][2].batch_id, lists(table)
    parts["resolved"] = _resolved(storage, table.name, batch_id)
    files = {name: f"resolved/{table.name}/batch={name}/part-0.parquet" for _, name in bases if name}
    files = {name: file for name, file in files.items() if storage.exists(file)}
    baseline = parquet(storage, sorted(files.values())) if files else f"(from {parts['resolved']} limit 0)"
    unknown = {number: batch[number][1].user_id for number, (_, name) in enumerate(bases) if name not in files}
    with one_reads:
        here = users_of(database, table, list(unknown.values()))
    bare = [str(number) for number, user in unknown.items() if user not in here]
    parts["bare"] = f"run in ({', '.join(bare)})" if bare else "false"
    connection.execute(f"create view resolved as from {parts['resolved']}")
    picture = sql_of(__package__, "picture").format(**parts)
    if _stands(connection, storage, table, batch, bases):
        picture += " and false"
    connection.execute(f"create view baseline as from {baseline}")
    connection.execute(f"create view picture as {picture}")
    run_script(connection, __package__, "wanted", **parts)
    wanted, resolved = connection.execute(
        "select (from wanted select count(*)), (from resolved select count(*))"
    ).fetchall()[0]
    if wanted:
        with one_reads:
            read_ours(connection, database, table, most=wanted > MOST * resolved)
        for script in ("theirs", "decided", "actions", "kept"):
            run_script(connection, __package__, script, **parts)
    else:
        connection.execute(
            "create table theirs (run bigint); create table acted (run bigint, title_id varchar, fate varchar)"
        )
    connection.execute(
        "insert into changed_titles select distinct run, title_id from acted where fate in ('insert', 'update') "
        "union all select distinct run, title_id from fresh"
    )
    if not batch[0][0].dry_run:
        before = " union all ".join([*([_before(table)] if wanted else []), _before_fresh(table)])
        copy_to(connection, storage, before, f"before/{table.name}/batch={batch_id}/part-0.parquet")
    values = _values(database, table, at, "true")
    columns = ", ".join(f"{value} as {name}" for name, value in values.items())
    fresh = f"select {columns} from (select * exclude (run_id) from ({picture}) where {parts['bare']} and not leaves) {BY_RUN}"
    writes = Writes(fresh=(lambda: home.sql(fresh).to_arrow_reader()) if bare else None)
    if wanted:
        acted, kept_stamp = f"acted {BY_RUN}", _values(database, table, at, "a.clean")
        writes.inserts = connection.sql(inserts(table, values, acted)).to_arrow_table()
        writes.changes = connection.sql(changes(database, table, kept_stamp, acted)).to_arrow_table()
    return _counts(connection), writes


def _stands(
    connection: duckdb.DuckDBPyConnection, storage: Storage, table: Table, batch: Batch, bases: Sequence[Base]
) -> bool:
    """Whether every row of the batch is in the baseline as it is, and stays: both are one file each, and the same."""
    last = {name for _, name in bases}
    if len(last) > 1 or any(request.prune or request.mode == "overwrite" for request, _, _ in batch):
        return False
    old, new = (f"resolved/{table.name}/batch={name}/part-0.parquet" for name in (*last, batch[0][2].batch_id))
    if not storage.exists(old) or connection.execute("select 1 from resolved where moved limit 1").fetchall():
        return False
    return alike(connection, storage, old, new)


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
    query = "select * exclude (run) from loaded_outcomes"
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
        f"(select a.fate, {keys}, {was}, case when a.fate = 'update' then struct_pack({became}) end as became, "
        "r.trakt_slug, r.run_id from acted as a join (select run, run_id, trakt_slug from runs) as r using (run) "
        f"left join ours as o using ({', '.join(table.key)}) where a.fate in ('insert', 'update', 'delete') "
        f"order by {keys})"
    )


def _before_fresh(table: Table) -> str:
    """The same of the rows that are inserted as they are."""
    was = ", ".join(
        f"null::{TYPES[kind]} as {'was_run_id' if name == 'run_id' else name}"
        for name, kind in table.columns.items()
        if name not in table.key
    )
    became = ", ".join(f"{name} {TYPES[kind]}" for name, kind in table.values.items())
    return (
        f"(select 'insert' as fate, {', '.join(table.key)}, {was}, null::struct({became}) as became, trakt_slug, run_id "
        "from fresh)"
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
