"""SQLite's own ways: no column types, one writer at a time, moments as text `2025-01-31T20:15:00Z`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pipeline.errors import DatabaseError
from pipeline.lazy import left_out
from stages.database.connection import Database, Kind, RowsChanged

if TYPE_CHECKING:
    import pyarrow as pa

BUSY_MS = 60_000
HINT = "Look at DATABASE_URL, rights and free space, then: trakt-import resume"
MADE_UP: Mapping[Kind, str] = {"text": "''", "number": "0", "flag": "0", "moment": "''"}


class SQLite(Database):
    """A file, opened for itself by every process; readers never wait (WAL), writers wait `BUSY_MS` for each other."""

    types: ClassVar[Mapping[Kind, str]] = {"text": "text", "number": "bigint", "flag": "bigint", "moment": "text"}
    begin = "begin immediate"
    row_lock = ""

    def relation(self, name: str) -> Literal["table", "view"] | None:
        rows = self.execute("select type from sqlite_master where name = ? and type in ('table', 'view')", (name,))
        return rows[0][0] if rows else None

    def columns(self, table: str) -> list[str]:
        return [row[0] for row in self.execute("select name from pragma_table_info(?)", (table,))]

    def readable(self, column: str, kind: Kind) -> str:
        return f"cast({column} as {self.types[kind]})"

    def handed(self, column: str, name: str, kind: Kind) -> str:
        if kind == "moment":
            # Without a zone, it is written without a look at a calendar of time zones.
            return f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%SZ')"
        return f"cast({column} as bigint)" if kind == "flag" else column

    def another(self) -> AbstractContextManager[SQLite]:
        return open_sqlite(self.url)

    def keep_copy(self, suffix: str) -> str | None:
        file = self.execute("select file from pragma_database_list where name = 'main'")[0][0]
        copy = f"{file}.{suffix}"
        self.execute("vacuum into ?", (copy,))
        return copy

    def _run(self, sql: str, parameters: Sequence[object]) -> None:
        self._cursor.execute(sql, parameters or None)

    def _written(self) -> int:
        rows: int = self.execute("select changes()")[0][0]
        return rows

    def _typed_select(self, source: str, columns: Mapping[str, Kind]) -> str:
        # The driver takes a column's type from its first rows, and they may be null: a made-up row says it.
        made_up = ", ".join(f"{MADE_UP[kind]} as {name}" for name, kind in columns.items())
        values = ", ".join(self.readable(name, kind) for name, kind in columns.items())
        return f"select {made_up} union all select {values} from {source}"

    def _rows_of(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield next(batches).slice(1)
        yield from batches

    def _drop_temporary(self, table: str) -> None:
        self.execute(f"drop table if exists temp.{table}")

    def _error(self, error: Exception) -> DatabaseError:
        return told(error)


@contextmanager
def open_sqlite(url: str) -> Iterator[SQLite]:
    """The file that `sqlite:///PATH` names, its folder made where it is missing."""
    # The driver manager imports it for a kind of rows that we never give: 40 ms.
    with left_out("pyarrow.dataset"):
        import adbc_driver_sqlite.dbapi as driver
    import adbc_driver_manager as manager

    path = Path(url.removeprefix("sqlite:///"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = SQLite(driver.connect(str(path), autocommit=True), url)
    except OSError as error:
        raise DatabaseError(f"{path.parent} ({error.strerror})", HINT) from None
    except manager.Error as error:
        raise told(error, f"{path}: ") from None
    try:
        database.execute(f"pragma busy_timeout = {BUSY_MS}")
        database.execute("pragma journal_mode = wal")
        yield database
    finally:
        database.close()


def told(error: Exception, subject: str = "") -> DatabaseError:
    """What the driver says, in its first line, as an ending."""
    said = str(error).splitlines()[0]
    said = re.sub(r"^[A-Z_]+: (\[SQLite\] )?", "", said)
    kind = RowsChanged if "UNIQUE constraint failed" in said else DatabaseError
    return kind(f"{subject}{said}", HINT)
