"""Take out of the database what imports wrote of a user and nobody touched, and block the user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.duck import open_duckdb, parquet
from pipeline.storage import Storage
from stages.database import Database, RowsChanged, RowsLocked
from stages.load.accounts import Account, baseline
from stages.load.columns import empty, typed
from stages.load.patience import patiently
from stages.load.rows import delete_rows, lock_users, read_ours
from stages.load.tables import TABLES, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def forget_rows(
    database: Database, storage: Storage, found: Sequence[Account], *, slug: str, keep_library: bool, at: str
) -> dict[str, int]:
    """Delete the rows and runs of these accounts, in one transaction; how many of each table went.

    A row of the library goes where it is as the last import saw it on Trakt and an import made it. Of an account stays
    the slug, with `blocked_at`; where there is none, one is made to hold the block.
    """
    return patiently(lambda: _attempt(database, storage, found, slug, keep_library, at), (RowsLocked, RowsChanged))


def _attempt(
    database: Database, storage: Storage, found: Sequence[Account], slug: str, keep_library: bool, at: str
) -> dict[str, int]:
    counts: dict[str, int] = {}
    with database.transaction():
        database.wait_briefly()
        if not keep_library:
            lock_users(database, [account.user_id for account in found])
            for table, keys in zip(TABLES, _untouched(database, storage, found), strict=True):
                counts[table.name] = delete_rows(database, table, keys)
        counts["import_runs"] = 0
        for account in found:
            mine = (account.user_id,)
            counts["import_runs"] += database.execute("select count(*) from import_runs where user_id = ?", mine)[0][0]
            database.execute("delete from import_runs where user_id = ?", mine)
            database.execute(
                "update trakt_accounts set trakt_username = null, trakt_user_id = null, nightly = ?, blocked_at = ?, "
                "last_run_id = null, last_imported_at = null where user_id = ?",
                (False, at, account.user_id),
            )
        if not found:
            database.execute(
                "insert into trakt_accounts (user_id, trakt_slug, nightly, blocked_at) values (?, ?, ?, ?)",
                (slug, slug, False, at),
            )
    return counts


def _untouched(database: Database, storage: Storage, found: Sequence[Account]) -> list[pa.Table]:
    bases = [(account.user_id, *baseline(database, account.user_id, "update")[:2]) for account in found]
    with open_duckdb() as connection:
        connection.execute("create table bases (user_id varchar, run_id varchar, batch_id varchar)")
        for base in bases:
            connection.execute("insert into bases values (?, ?, ?)", list(base))
        batches = sorted({batch for _, _, batch in bases if batch})
        return [_keys(connection, database, storage, table, batches) for table in TABLES]


def _keys(
    connection: duckdb.DuckDBPyConnection, database: Database, storage: Storage, table: Table, batches: Sequence[str]
) -> pa.Table:
    """The keys of the rows that are as the baseline says and that an import made, as the database takes them."""
    names = [f"resolved/{table.name}/batch={batch}/part-0.parquet" for batch in batches]
    files = [name for name in names if storage.exists(name)]
    columns = ", ".join(f"t.{name}" for name in (*table.key, *table.values))
    source = (
        f"{parquet(storage, files)} as t semi join bases as b on b.run_id = t.run_id and b.user_id = t.user_id"
        if files
        else f"({empty(table)}) as t where false"
    )
    connection.execute(f"create or replace table theirs as select {columns} from {source}")
    connection.execute(f"create or replace view wanted as select {', '.join(table.key)} from theirs")
    read_ours(connection, database, table)
    connection.execute(f"create or replace view ours as select {typed(table.columns)} from read")
    made = "o.source = 'trakt'" if "source" in table.stamps else "o.run_id is not null"
    same = " and ".join(f"o.{name} is not distinct from t.{name}" for name in table.values)
    handed = ", ".join(f"{database.handed(f'o.{name}', name, kind)} as {name}" for name, kind in table.key.items())
    return connection.sql(
        f"select {handed} from ours as o "
        f"join theirs as t using ({', '.join(table.key)}) where {made} and {same} order by all"
    ).to_arrow_table()
