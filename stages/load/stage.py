"""Compare, write the files, write the rows: one transaction for all the runs of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from pipeline.duck import open_duckdb
from pipeline.events import Counts, Extracted, ImportRequested, Loaded, Transformed
from pipeline.storage import Storage
from stages.database import Database
from stages.load.accounts import baseline, record
from stages.load.tables import TABLES, Kind, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Batch = Sequence[tuple[ImportRequested, Extracted, Transformed]]
MADE_UP = {"text": "''", "number": "0", "flag": "0", "moment": "''"}
SQL_TYPE = {"text": "text", "number": "bigint", "flag": "bigint", "moment": "text"}


@dataclass
class Writes:
    """The rows of one table that are to be written, as the database takes them."""

    inserts: pa.Table
    updates: pa.Table
    deletes: pa.Table


@dataclass
class Comparison:
    """What comes of comparing a batch with the database; `counts` by run number and table."""

    writes: dict[str, Writes] = field(default_factory=dict)
    added_titles: pa.Table | None = None
    counts: dict[int, dict[str, Counts]] = field(default_factory=dict)
    titles: dict[int, dict[str, int]] = field(default_factory=dict)


def load(batch: Batch, *, database: Database, storage: Storage, at: str) -> list[Loaded]:
    """Merge the resolved rows of a batch into the database; one commit for all its runs, or none.

    Before the commit `before/` and `loaded/outcomes` are written, so that whatever is committed can be put back
    and told. A dry run writes `loaded/outcomes` alone. Raises `DatabaseError` or `StorageError`; then nothing is
    written to the database.
    """
    dry_run = batch[0][0].dry_run
    batch_id = batch[0][2].batch_id
    told = f"loaded/events/batch={batch_id}.json"
    with database.transaction():
        if database.execute("select 1 from import_runs where run_id = ?", (batch[0][2].run_id,)):
            # The commit is there, only its event is not: what was written down before it is what happened.
            return msgspec.json.decode(storage.read(told), type=list[Loaded])
        comparison = compare(batch, database, storage, batch_id, at)
        loaded = [
            Loaded(
                run_id=transformed.run_id,
                at=at,
                batch_id=batch_id,
                imported_count=comparison.titles[number]["imported"],
                skipped_count=comparison.titles[number]["skipped"],
                error_count=comparison.titles[number]["error"],
                tables=comparison.counts[number],
                dry_run=dry_run,
            )
            for number, (_, _, transformed) in enumerate(batch)
        ]
        if not dry_run:
            storage.write(told, msgspec.json.encode(loaded))
            _write(database, comparison, at)
            for number, (request, extracted, transformed) in enumerate(batch):
                _record(database, request, extracted, transformed, comparison.titles[number], at)
    return loaded


def compare(batch: Batch, database: Database, storage: Storage, batch_id: str, at: str) -> Comparison:
    """Merge in memory: read ours where Trakt's side has changed since the baseline, decide, write the files."""
    comparison = Comparison()
    bases = [baseline(database, extracted.user_id, "update")[:2] for _, extracted, _ in batch]
    with open_duckdb() as connection:
        _script(connection, "macros")
        _runs(connection, batch, bases)
        connection.execute("create table changed_titles (run bigint, title_id varchar)")
        connection.execute("create table kept_rows (run bigint, title_id varchar, entry varchar, kept varchar[])")
        for number in range(len(batch)):
            comparison.counts[number] = {}
        for table in TABLES:
            _decide(connection, database, storage, table, batch_id, bases)
            for number, counts in _counts(connection).items():
                comparison.counts[number][table.name] = counts
            if not batch[0][0].dry_run:
                with storage.writing(f"before/{table.name}/batch={batch_id}/part-0.parquet") as path:
                    _copy(connection, _before(table), path)
            comparison.writes[table.name] = Writes(
                *(
                    connection.sql(_projection(table, fate, at)).to_arrow_table()
                    for fate in ("insert", "update", "delete")
                )
            )
            connection.execute(
                "drop table decided; drop table acted; drop table ours; drop table theirs; drop view base; drop view resolved"
            )
        comparison.titles = _outcomes(connection, storage, batch, batch_id)
        added = connection.sql(
            f"select * exclude (run_id, trakt_slug) from {_parquet(storage, 'added_titles', batch_id)} qualify "
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
    storage: Storage,
    table: Table,
    batch_id: str,
    bases: Sequence[tuple[str | None, str | None]],
) -> None:
    """Make `theirs` (what changed since the baseline), `base`, `ours`, `decided` and `acted` of one table."""
    batches = sorted({batch for _, batch in bases if batch})
    files = [f"resolved/{table.name}/batch={name}/part-0.parquet" for name in batches]
    files = [name for name in files if storage.exists(name)]
    where = _files(storage, files) if files else f"(from {_parquet(storage, table.name, batch_id)} limit 0)"
    connection.execute(
        f"create view base as select {', '.join(f'b.{name}' for name in table.key | table.values)} from {where} as b "
        "semi join runs as r on r.base_run_id = b.run_id and r.user_id = b.user_id where not (b.left_alone or b.moved)"
    )
    value = _struct(table.values, "t"), _struct(table.values, "b")
    connection.execute(
        f"create table theirs as select r.run, r.overwrite, t.moved or (t.gone and r.prune) as leaves, "
        f"{', '.join(f't.{name}' for name in table.key | table.values)}"
        f"{', t.status_at' if table.name == 'library_entries' else ''} "
        f"from {_parquet(storage, table.name, batch_id)} as t "
        "join (select run, run_id, overwrite, prune from runs) as r on r.run_id = t.run_id "
        f"left join base as b using ({', '.join(table.key)}) where not t.left_alone and (t.moved or (t.gone and r.prune) "
        f"or (not t.gone and (r.overwrite or b.user_id is null or {value[0]} is distinct from {value[1]})))"
    )
    connection.execute(f"create view resolved as select * from {_parquet(storage, table.name, batch_id)}")
    connection.execute(f"create table ours as select * from ({_empty(table)}) where false")
    ours = _read_ours(connection, database, table)
    if ours is not None:
        connection.register("read_ours", ours)
        connection.execute(
            "insert into ours by name select "
            + ", ".join(_typed(name, kind) for name, kind in table.columns.items())
            + " from read_ours where user_id <> ''"
        )
        connection.unregister("read_ours")
    _script(connection, table.name)
    sql = resources.files(__package__).joinpath("actions.sql").read_text(encoding="utf-8")
    connection.execute(
        sql.format(
            decided_values=", ".join(f"d.{name}" for name in table.values),
            base_values=", ".join(f"b.{name}" for name in table.values),
            ours_values=", ".join(f"o.{name}" for name in table.values),
            key=", ".join(table.key),
        ).replace("o.updated_at", "o.updated_at" if "updated_at" in table.stamps else "null::timestamptz")
    )
    connection.execute(
        "insert into changed_titles select distinct run, title_id from acted where fate in ('insert', 'update')"
    )
    entry = "" if table.name == "library_entries" else table.name.removesuffix("_entries")
    part = {"season_entries": "'season ' || season", "episode_entries": "'episode ' || season || 'x' || episode"}
    connection.execute(
        f"insert into kept_rows select run, title_id, {part.get(table.name, repr(entry))}, kept from acted where len(kept) > 0"
    )


def _read_ours(connection: duckdb.DuckDBPyConnection, database: Database, table: Table) -> pa.RecordBatchReader | None:
    """The database's rows of the keys that travel, led by a made-up row that says the types; None where there are none."""
    users = [row[0] for row in connection.execute("select distinct user_id from theirs").fetchall()]
    marks = ", ".join("?" * len(users))
    if not users or not database.execute(f"select 1 from {table.name} where user_id in ({marks}) limit 1", users):
        return None
    keys = connection.sql(f"select {', '.join(table.key)} from theirs order by {', '.join(table.key)}").to_arrow_table()
    temporary = f"wanted_{table.name}"
    _temporary(database, temporary, table.key, keys)
    columns = ", ".join(f"cast(t.{name} as {SQL_TYPE[kind]})" for name, kind in table.columns.items())
    made_up = ", ".join(f"{MADE_UP[kind]} as {name}" for name, kind in table.columns.items())
    return database.read(
        f"select {made_up} union all select {columns} "
        f"from {temporary} as w "
        f"join {table.name} as t on {' and '.join(f't.{name} = w.{name}' for name in table.key)}"
    )


def _temporary(database: Database, name: str, columns: Mapping[str, Kind], rows: pa.Table) -> None:
    database.execute(f"drop table if exists temp.{name}")
    types = ", ".join(f"{column} {SQL_TYPE[kind]}" for column, kind in columns.items())
    database.execute(f"create temp table {name} ({types})")
    database.stage(name, rows)


def _write(database: Database, comparison: Comparison, at: str) -> None:
    stamp = f"'{at}'"
    if comparison.added_titles is not None:
        columns = ", ".join(comparison.added_titles.column_names)
        kinds: dict[str, Kind] = {
            name: "text" if name in ("title_id", "kind", "name", "imdb_id") else "number"
            for name in comparison.added_titles.column_names
        }
        _temporary(database, "added", kinds, comparison.added_titles)
        database.execute(
            f"insert into titles ({columns}, updated_at) select {columns}, {stamp} from added "
            "where title_id not in (select title_id from titles)"
        )
    for table in TABLES:
        writes = comparison.writes[table.name]
        key, columns = ", ".join(table.key), ", ".join(table.columns)
        if writes.inserts.num_rows:
            database.append(table.name, writes.inserts)
        if writes.updates.num_rows:
            _temporary(database, "updates", table.columns, writes.updates)
            sets = [f"{name} = excluded.{name}" for name in (*table.values, "run_id")]
            if "updated_at" in table.stamps:
                sets.append(f"updated_at = coalesce(excluded.updated_at, {table.name}.updated_at)")
            database.execute(
                f"insert into {table.name} ({columns}) select {columns} from updates where true order by {key} "
                f"on conflict ({key}) do update set {', '.join(sets)}"
            )
        if writes.deletes.num_rows:
            _temporary(database, "deletes", table.key, writes.deletes)
            same = " and ".join(f"d.{name} = {table.name}.{name}" for name in table.key)
            database.execute(f"delete from {table.name} where exists (select 1 from deletes as d where {same})")


def _record(
    database: Database,
    request: ImportRequested,
    extracted: Extracted,
    transformed: Transformed,
    titles: Mapping[str, int],
    at: str,
) -> None:
    database.execute("delete from import_runs where run_id = ?", (transformed.run_id,))
    database.execute(
        "insert into import_runs (run_id, batch_id, user_id, trakt_username, trakt_slug, source, mode, status, "
        "catalog_snapshot, requested_at, finished_at, imported_count, skipped_count, error_count) "
        "values (?, ?, ?, ?, ?, ?, ?, 'completed', ?, ?, ?, ?, ?, ?)",
        (
            transformed.run_id,
            transformed.batch_id,
            extracted.user_id,
            extracted.trakt_username,
            extracted.trakt_slug,
            request.source,
            request.mode,
            transformed.catalog_snapshot,
            request.at,
            at,
            titles["imported"],
            titles["skipped"],
            titles["error"],
        ),
    )
    record(database, extracted, at, transformed.run_id)


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
    _script(
        connection,
        "outcomes",
        resolved=_parquet(storage, "outcomes", batch_id),
        rejected=_files(storage, files)
        if files
        else "(select '' as endpoint, '' as path, '' as raw, '' as run_id limit 0)",
    )
    with storage.writing(f"loaded/outcomes/batch={batch_id}/part-0.parquet") as path:
        _copy(connection, "select * exclude (run) from loaded_outcomes order by run_id, kind, trakt_id, name", path)
    return {
        number: {"imported": imported, "skipped": skipped, "error": error}
        for number, imported, skipped, error in connection.execute("select * from totals order by run").fetchall()
    }


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[int, Counts]:
    rows = connection.execute(
        resources.files(__package__).joinpath("counts.sql").read_text(encoding="utf-8")
    ).fetchall()
    return {run: Counts(**dict(zip(Counts.__struct_fields__, counts, strict=True))) for run, *counts in rows}


def _before(table: Table) -> str:
    columns = ", ".join(f"o.{name}" for name in table.columns if name not in table.key)
    keys = ", ".join(f"a.{name}" for name in table.key)
    return (
        f"select a.fate, {keys}, {columns}, r.trakt_slug, r.run_id as by_run_id from acted as a "
        "join (select run, run_id, trakt_slug from runs) as r using (run) "
        f"left join ours as o using ({', '.join(table.key)}) where a.fate in ('insert', 'update', 'delete') "
        f"order by {keys}"
    )


def _projection(table: Table, fate: str, at: str) -> str:
    """The rows of one action as the database takes them; no `updated_at` where the application's stamp is to stay."""
    if fate == "delete":
        columns = [f"a.{name}" for name in table.key]
    else:
        columns = [_carried(name, kind) for name, kind in (table.key | table.values).items()]
        fresh = "true" if fate == "insert" else "a.clean"
        stamps = {
            "source": "'trakt'",
            "run_id": "r.run_id",
            "created_at": f"'{at}'",
            "updated_at": f"case when {fresh} then '{at}' end",
        }
        columns += [f"{stamps[name]} as {name}" for name in table.stamps]
    keys = ", ".join(f"a.{name}" for name in table.key)
    return f"select {', '.join(columns)} from acted as a join runs as r using (run) where a.fate = '{fate}' order by {keys}"


def _carried(name: str, kind: Kind) -> str:
    if kind == "moment":
        return f"strftime(a.{name}, '%Y-%m-%dT%H:%M:%SZ') as {name}"
    return f"a.{name}::bigint as {name}" if kind == "flag" else f"a.{name} as {name}"


def _typed(name: str, kind: Kind) -> str:
    if kind == "moment":
        return f"try_cast(nullif({name}, '') as timestamptz) as {name}"
    if kind == "flag":
        return f"try_cast({name} as boolean) as {name}"
    return f"try_cast({name} as {'bigint' if kind == 'number' else 'varchar'}) as {name}"


def _empty(table: Table) -> str:
    types = {"text": "varchar", "number": "bigint", "flag": "boolean", "moment": "timestamptz"}
    return "select " + ", ".join(f"null::{types[kind]} as {name}" for name, kind in table.columns.items())


def _struct(columns: Mapping[str, Kind], side: str) -> str:
    return f"({', '.join(f'{side}.{name}' for name in columns)})"


def _script(connection: duckdb.DuckDBPyConnection, name: str, **parts: str) -> None:
    sql = resources.files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    connection.execute(sql.format(**parts) if parts else sql)


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: str) -> None:
    connection.execute(f"copy ({query}) to '{path.replace(chr(39), chr(39) * 2)}' (format parquet)")


def _parquet(storage: Storage, table: str, batch_id: str) -> str:
    return _files(storage, [f"resolved/{table}/batch={batch_id}/part-0.parquet"])


def _files(storage: Storage, names: Sequence[str]) -> str:
    quoted = ", ".join("'" + storage.path(name).replace("'", "''") + "'" for name in names)
    return f"read_parquet([{quoted}], union_by_name = true, hive_partitioning = false)"
