"""Put back what a run wrote, where nothing has changed it since: one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.duck import open_duckdb, run_script
from pipeline.errors import BadInput
from pipeline.events import PutBack, Undone
from pipeline.storage import Storage
from stages.database import Database, RowsChanged, RowsLocked
from stages.load.columns import PLACE, changes, inserts, typed
from stages.load.comparison import Comparison, Writes
from stages.load.patience import patiently
from stages.load.rows import read_ours, stage_changes, write
from stages.load.tables import TABLES, Table
from stages.load.written import LoadedRun, loaded_run, written

if TYPE_CHECKING:
    import duckdb

Left = dict[str, Any]
"""A row that stays as it is: table, title_id, season, episode, history_id, and what has changed in it since."""


class AlreadyUndone(BadInput):
    """The database says that the run is undone."""


def undo(
    run_id: str, *, database: Database, storage: Storage, at: str, wrote: bool = True
) -> tuple[Undone, list[Left]]:
    """Put every row that the run wrote back to what it was; the rows that something else has changed since are left.

    `wrote` is false of a run that had nothing to transform and load. Titles that the run added stay. Raises
    `BadInput` where the run is not there, undone already, or under a later one; `DatabaseError` and `StorageError`
    with nothing put back.
    """
    return patiently(lambda: _attempt(run_id, database, storage, at, wrote), (RowsLocked, RowsChanged))


def _attempt(run_id: str, database: Database, storage: Storage, at: str, wrote: bool) -> tuple[Undone, list[Left]]:
    with database.transaction():
        database.wait_briefly()
        run = loaded_run(database, run_id)
        _in_turn(database, run)
        comparison, tables, left, unstamped = Comparison([]), {}, [], []
        if wrote:
            with open_duckdb() as connection:
                for table in TABLES:
                    _decide(connection, database, storage, run, table)
                    values = {
                        name: database.handed(f"a.{name}" if name in table.key else f"a.was_{name}", name, kind)
                        for name, kind in table.columns.items()
                    }
                    changed = connection.sql(changes(database, table, values, "undone as a")).to_arrow_table()
                    stage_changes(database, table, changed)
                    comparison.writes[table.name] = Writes(
                        connection.sql(inserts(table, values, "undone as a")).to_arrow_table(), changed
                    )
                    if _stage_unstamped(connection, database, table):
                        unstamped.append(table)
                    tables[table.name] = _put_back(connection)
                    left += _left(connection, table)
                    connection.execute(
                        "drop table written; drop table wanted; drop view ours; drop table read; drop table undone"
                    )
            write(database, comparison, at)
            for table in unstamped:
                same = " and ".join(f"u.{name} = {table.name}.{name}" for name in table.key)
                rows = f"select 1 from unstamped_{table.name} as u where {same}"
                database.execute(f"update {table.name} set updated_at = null where exists ({rows})")
        last = _last_run(database, storage, run)
        database.execute("update import_runs set status = 'undone' where run_id = ?", (run_id,))
        database.execute("update trakt_accounts set last_run_id = ? where user_id = ?", (last, run.user_id))
    return Undone(run_id=run_id, at=at, tables=tables, last_run_id=last), left


def _in_turn(database: Database, run: LoadedRun) -> None:
    if run.status == "undone":
        raise AlreadyUndone(f"run {run.run_id} is undone already", "List the runs with: trakt-import runs")
    later = database.execute(
        "select max(run_id) from import_runs where user_id = ? and status = 'completed' and run_id > ?",
        (run.user_id, run.run_id),
    )[0][0]
    if later is not None:
        raise BadInput(f"run {run.run_id} lies under the later run {later}", f"Newest first: trakt-import undo {later}")


def _last_run(database: Database, storage: Storage, run: LoadedRun) -> str | None:
    """The user's last run that stands; one that only looked, and has no resolved rows, is no baseline."""
    rows = database.execute(
        "select run_id, batch_id from import_runs where user_id = ? and status = 'completed' and run_id <> ? "
        "order by run_id desc",
        (run.user_id, run.run_id),
    )
    whole = [run_id for run_id, batch_id in rows if storage.exists(f"resolved/outcomes/batch={batch_id}")]
    return next(iter(whole), rows[0][0] if rows else None)


def _decide(
    connection: duckdb.DuckDBPyConnection, database: Database, storage: Storage, run: LoadedRun, table: Table
) -> None:
    written(connection, storage, run, table)
    connection.execute(f"create table wanted as select {', '.join(table.key)} from written")
    read_ours(connection, database, table)
    connection.execute(f"create view ours as select {typed(table.columns)} from read")
    place = [name for name in PLACE if name in table.values]
    columns = [name for name in table.columns if name not in table.key]
    was = {}
    if "updated_at" in columns:
        was["updated_at"] = (
            "case when not there or o.updated_at is distinct from w.was_updated_at then w.was_updated_at end"
        )
    run_script(
        connection,
        __package__,
        "undo",
        key=", ".join(table.key),
        w_key=", ".join(f"w.{name} as {name}" for name in table.key),
        was_columns=", ".join(f"{was.get(name, f'w.was_{name}')} as was_{name}" for name in columns),
        unstamped="there and w.was_updated_at is null and o.updated_at is not null" if was else "false",
        place=", ".join(f"coalesce(o.{name}, w.new_{name}, w.was_{name}) as {name}" for name in place)
        or "null as nothing",
        o_values=", ".join(f"o.{name}" for name in table.values),
        new_values=", ".join(f"w.new_{name}" for name in table.values),
        changed=", ".join(
            f"case when o.{name} is distinct from w.new_{name} then '{name}' end" for name in table.values
        ),
    )


def _stage_unstamped(connection: duckdb.DuckDBPyConnection, database: Database, table: Table) -> bool:
    """Stage the keys of the rows that had no stamp before the run gave them one; whether there are any."""
    keys = ", ".join(f"{database.handed(name, name, kind)} as {name}" for name, kind in table.key.items())
    rows = connection.sql(f"select {keys} from undone where fate = 'update' and unstamped").to_arrow_table()
    if rows.num_rows:
        database.stage(f"unstamped_{table.name}", table.key, rows)
    return bool(rows.num_rows)


def _put_back(connection: duckdb.DuckDBPyConnection) -> PutBack:
    counts = dict(connection.execute("select fate, count(*) from undone group by fate").fetchall())
    return PutBack(
        removed=counts.get("delete", 0),
        restored=counts.get("update", 0),
        brought_back=counts.get("insert", 0),
        left=counts.get("left", 0),
    )


def _left(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Left]:
    names = [name for name in PLACE if name in table.columns]
    rows = connection.execute(
        f"select {', '.join(names)}, changed from undone where fate = 'left' order by {', '.join(names)}"
    ).fetchall()
    return [{"table": table.name, **dict(zip((*names, "changed"), row, strict=True))} for row in rows]
