"""Rows out of the application database and into it: Arrow, temporary tables, one statement per table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stages.database import TITLES, Database, Kind, RowsChanged
from stages.load.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from stages.load.comparison import Batch, Comparison


def users_of(database: Database, table: Table, users: Sequence[str]) -> set[str]:
    """Those of the users who have a row in the table."""
    found: set[str] = set()
    # Ordered by the key, so that the database takes its index, and reads one row of a user at most.
    row = f"select 1 from {table.name} where user_id = ? order by {', '.join(table.key)} limit 1"
    for start in range(0, len(users), 200):
        part = users[start : start + 200]
        rows = database.execute(
            " union all ".join([f"select ? as user_id where ({row}) = 1"] * len(part)),
            [user for user in part for _ in range(2)],
        )
        found |= {row[0] for row in rows}
    return found


def read_ours(connection: duckdb.DuckDBPyConnection, database: Database, table: Table, *, most: bool = False) -> None:
    """Make `read`: the database's rows, as the database has them, whose keys are in `wanted`.

    With `most`, `wanted` has most of what its users have: then all of their rows are read, which is quicker.
    """
    types = {"text": "varchar"}
    columns = ", ".join(f"{name} {types.get(sql, sql)}" for name, sql in _types(database, table.columns).items())
    connection.execute(f"create or replace table read ({columns})")
    with all_rows(connection, database, table, table.columns) if most else _wanted_rows(connection, database, table):
        connection.execute("insert into read by name select * from rows_read")


@contextmanager
def all_rows(
    connection: duckdb.DuckDBPyConnection, database: Database, table: Table, columns: Mapping[str, Kind]
) -> Iterator[None]:
    """Inside, `rows_read` can be read once: all rows of the users in `wanted`, as the database has them."""
    users = [row[0] for row in connection.execute("select distinct user_id from wanted").fetchall()]
    source = f"{table.name} where user_id in ({', '.join('?' * len(users))})"
    with database.read(source, columns, users) as rows, _registered(connection, rows):
        yield


@contextmanager
def _wanted_rows(connection: duckdb.DuckDBPyConnection, database: Database, table: Table) -> Iterator[None]:
    keys = ", ".join(f"{database.handed(name, name, kind)} as {name}" for name, kind in table.key.items())
    wanted = connection.sql(f"select {keys} from wanted order by {', '.join(table.key)}").to_arrow_table()
    database.stage(f"wanted_{table.name}", table.key, wanted, table.key)
    source = f"{table.name} join wanted_{table.name} using ({', '.join(table.key)})"
    with database.seeking(), database.read(source, table.columns) as rows, _registered(connection, rows):
        yield


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, rows: pa.RecordBatchReader) -> Iterator[None]:
    connection.register("rows_read", rows)
    yield
    connection.unregister("rows_read")


def lock_users(database: Database, users: Sequence[str]) -> None:
    """Lock every row of these users, inside a transaction (SQLite: it has locked all of them)."""
    marks = ", ".join("?" * len(users)) or "null"
    for table in TABLES:
        database.execute(
            f"with locked as (select t.user_id from {table.name} as t where t.user_id in ({marks}) "
            f"order by {', '.join(table.key)} {database.row_lock}) select count(*) from locked",
            users,
        )


def delete_rows(database: Database, table: Table, keys: pa.Table) -> int:
    """Delete the rows of these keys, inside a transaction that has them locked; how many went."""
    database.stage(f"deletes_{table.name}", table.key, keys)
    key = ", ".join(table.key)
    return database.change(f"delete from {table.name} where ({key}) in (select {key} from deletes_{table.name})")


def stage_changes(database: Database, table: Table, changes: pa.Table) -> None:
    """Put the updates and deletes of a table beside it, in a temporary one; nothing is locked by that."""
    if changes:
        database.stage(f"changes_{table.name}", _change_columns(table), changes, table.key)


def write(database: Database, comparison: Comparison, at: str, *, lock: bool = False) -> None:
    """Write everything that the comparison says, a statement or two per table; inside a transaction, once its changes are staged.

    With `lock`, all rows that are to change are locked before the first is written: where one is held, none was written in vain.
    Raises `RowsChanged` where a row is no longer as it was compared, `RowsLocked` where another session has one.
    """
    if comparison.added_titles is not None:
        columns = ", ".join(TITLES)
        database.execute(
            f"insert into titles ({columns}, updated_at) select {columns}, '{at}' from added_titles as a "
            "where not exists (select 1 from titles as t where t.title_id = a.title_id) order by title_id "
            "on conflict do nothing"
        )
    with database.seeking():
        changed = [(table, changes.num_rows) for table in TABLES if (changes := comparison.writes[table.name].changes)]
        for table, _ in changed if lock else ():
            _lock(database, table)
        for table, wanted in changed:
            _change(database, table, wanted)
    fresh = comparison.fresh()
    for table in TABLES:
        writes = comparison.writes[table.name]
        if writes.inserts:
            database.append(table.name, writes.inserts)
        if writes.fresh:
            database.append(table.name, next(fresh))


def _lock(database: Database, table: Table) -> None:
    locked = (
        f"select t.user_id from {table.name} as t join changes_{table.name} as w on {_as_compared(database, table)}"
    )
    database.execute(f"with locked as ({locked} {database.row_lock}) select count(*) from locked")


def _change(database: Database, table: Table, wanted: int) -> None:
    """Update and delete the rows that are to change, which must all be as they were compared."""
    name, compared = table.name, _as_compared(database, table)
    sets = {column: f"w.{column}" for column in (*table.values, "run_id")}
    if "updated_at" in table.stamps:
        sets["updated_at"] = "coalesce(w.updated_at, t.updated_at)"
    written = ", ".join(f"{column} = {value}" for column, value in sets.items())
    found = database.change(
        f"update {name} as t set {written} from changes_{name} as w where {compared} and not w.deleted"
    )
    if found < wanted:
        key = ", ".join(table.key)
        found += database.change(
            f"delete from {name} where ({key}) in (select {', '.join(f't.{column}' for column in table.key)} "
            f"from {name} as t join changes_{name} as w on {compared} where w.deleted {database.row_lock})"
        )
    if found < wanted:
        raise RowsChanged(f"{wanted - found} rows of {name} changed since they were compared", "Try again.")


def _as_compared(database: Database, table: Table) -> str:
    """Whether a row `t` is the one that `w` of the staged changes is about, and is as it was read."""
    keys = [f"t.{column} = w.{column}" for column in table.key]
    same = [
        f"{database.readable(f't.{column}', kind)} is not distinct from w.was_{column}"
        for column, kind in table.compared.items()
    ]
    return " and ".join(keys + same)


def _types(database: Database, columns: Mapping[str, Kind]) -> dict[str, str]:
    return {name: database.types[kind] for name, kind in columns.items()}


def _change_columns(table: Table) -> dict[str, Kind]:
    return table.columns | {f"was_{name}": kind for name, kind in table.compared.items()} | {"deleted": "flag"}


def complete_runs(database: Database, batch: Batch, titles: Mapping[int, Mapping[str, int]], at: str) -> None:
    """Say in the database that the runs are done; `titles` is the number of titles of each fate, by run number."""
    rows = [
        (
            transformed.run_id,
            transformed.batch_id,
            extracted.user_id,
            extracted.trakt_username,
            extracted.trakt_slug,
            request.source,
            request.mode,
            "completed",
            transformed.catalog_snapshot,
            request.at,
            at,
            *(titles[number][fate] for fate in ("imported", "skipped", "error")),
        )
        for number, (request, extracted, transformed) in enumerate(batch)
    ]
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        marks = ", ".join([f"({', '.join('?' * len(part[0]))})"] * len(part))
        database.execute(
            "insert into import_runs (run_id, batch_id, user_id, trakt_username, trakt_slug, source, mode, status, "
            f"catalog_snapshot, requested_at, finished_at, imported_count, skipped_count, error_count) values {marks}",
            [value for row in part for value in row],
        )
