"""Rows out of the application database and into it: Arrow, temporary tables, one statement per table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.events import Extracted, ImportRequested, Transformed
from stages.database import Database
from stages.load.accounts import record
from stages.load.tables import TABLES, Kind, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from stages.load.merge import Comparison

MADE_UP = {"text": "''", "number": "0", "flag": "0", "moment": "''"}
SQL_TYPE = {"text": "text", "number": "bigint", "flag": "bigint", "moment": "text"}


def read_ours(connection: duckdb.DuckDBPyConnection, database: Database, table: Table) -> pa.RecordBatchReader | None:
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


def write(database: Database, comparison: Comparison, at: str) -> None:
    """Write everything that the comparison says, a statement or two per table; inside a transaction."""
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


def complete_run(
    database: Database,
    request: ImportRequested,
    extracted: Extracted,
    transformed: Transformed,
    titles: Mapping[str, int],
    at: str,
) -> None:
    """Say in the database that the run is done, and that its rows are the user\'s baseline now."""
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
