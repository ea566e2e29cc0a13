"""One connection to the application database: plain SQL in, Arrow in and out, one transaction at a time.

SQL is the same text on every database, with `?` for parameters. What differs stands in `sqlite.py` and
`postgresql.py`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pipeline.errors import BadInput, DatabaseError, TraktImportError

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["text", "number", "flag", "moment"]
IdType = Literal["text", "bigint", "uuid"]
# How long (milliseconds) a write waits for a row of another session: less than PostgreSQL's own deadlock_timeout (1 s), so
# that where two wait for each other it is load that gives way.
LOCK_TIMEOUT = 500


class RowsLocked(DatabaseError):
    """Another session holds a row that is wanted; nothing was written, and the same may be tried again."""


class RowsChanged(DatabaseError):
    """A row is no longer as it was read (or is there already); what was decided from it must be decided again."""


class Database:
    """An open connection. Every method raises `DatabaseError` where the database refuses.

    `types` are the column types of a temporary table, by kind. `user_id_type` and `title_id_type` are the types of
    the application's own ids; in files and in Python they are text.
    """

    types: ClassVar[Mapping[Kind, str]]
    begin: ClassVar[str]
    row_lock: ClassVar[str]
    """Ends a `select` that locks the rows it finds and waits for none: `RowsLocked` where another session has one."""

    user_id_type: IdType = "text"
    title_id_type: IdType = "text"

    def __init__(self, connection: Any, url: str) -> None:
        self.url = url
        self._connection = connection
        self._cursor = connection.cursor()

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; the rows it gives, if any, moments as text `2025-01-31T20:15:00Z`."""
        with self._told():
            self._run(sql, parameters or ())
            return self._plain(self._cursor.fetchall()) if self._cursor.description else []

    def change(self, sql: str, parameters: Sequence[object] | None = None) -> int:
        """Run one statement that writes; how many rows it wrote."""
        with self._told():
            self._run(sql, parameters or ())
            return self._written()

    def script(self, sql: str) -> None:
        """Run the statements of a script, each ended by a semicolon at the end of its line."""
        for statement in sql.split(";\n"):
            if any(line.strip() and not line.startswith("--") for line in statement.splitlines()):
                self.execute(statement)

    @contextmanager
    def read(
        self, source: str, columns: Mapping[str, Kind], parameters: Sequence[object] = ()
    ) -> Iterator[pa.RecordBatchReader]:
        """Columns of `source` (what follows `from`, each column name standing for itself) as Arrow, as they come.

        Text and numbers come as such, a flag and a moment as `types` has them. What fails while the rows are
        consumed inside is told as a `DatabaseError`, whoever consumes them.
        """
        import pyarrow as pa

        failures: list[Exception] = []
        with self._told():
            self._run(self._typed_select(source, columns), parameters)
            rows = self._cursor.fetch_record_batch()

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from self._rows_of(rows)
            except Exception as error:
                failures.append(error)
                raise

        try:
            yield pa.RecordBatchReader.from_batches(rows.schema, batches())
        except Exception:
            if failures:
                raise self._error(failures[0]) from None
            raise
        finally:
            # Now, in this thread: once garbage is collected, another may be in the middle of a transaction.
            rows.close()

    def append(self, table: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Bulk-insert rows into a table, their values as `handed` gives them; `RowsChanged` where a key is there.

        What fails while the rows are made is raised as it is.
        """
        import pyarrow as pa

        failures: list[BaseException] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from rows.to_batches() if isinstance(rows, pa.Table) else rows
            except (Exception, KeyboardInterrupt) as error:
                failures.append(error)
                raise

        try:
            with self._told():
                self._cursor.adbc_ingest(
                    table, pa.RecordBatchReader.from_batches(rows.schema, batches()), mode="append"
                )
        except DatabaseError:
            if failures:
                raise failures[0] from None
            raise

    def stage(self, table: str, columns: Mapping[str, Kind], rows: pa.Table, key: Iterable[str] = ()) -> None:
        """Make a temporary table afresh and fill it; values as `handed` gives them. By `key` it will be joined."""
        types = ", ".join(f"{name} {self.column_type(name, kind)}" for name, kind in columns.items())
        self._drop_temporary(table)
        self.execute(f"create temporary table {table} ({types})")
        with self._told():
            self._cursor.adbc_ingest(table, rows, mode="append", temporary=True)
        if key:
            self._expect_join(table, key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside, or nothing."""
        self.execute(self.begin)
        try:
            yield
            self.execute("commit")
        except BaseException:
            # Where the database has ended the transaction itself, or is gone, what is to be told is why.
            with suppress(DatabaseError), self._told():
                self._cursor.execute("rollback")
            raise

    def version(self) -> int | None:
        """The schema's version, None where there is none yet."""
        if self.relation("schema_version") is None:
            return None
        version: int | None = self.execute("select max(version) from schema_version")[0][0]
        return version

    def titles_is_view(self) -> bool:
        """Whether the catalogue is a view over the application's own tables."""
        return self.relation("titles") == "view"

    def check_user_id(self, user_id: str) -> str:
        """The id as the application's column gives it back; `BadInput` for one that it cannot hold."""
        import uuid

        try:
            if self.user_id_type == "bigint":
                number = int(user_id)
                if "_" in user_id or not -(2**63) <= number < 2**63:
                    raise ValueError(user_id)
                return str(number)
            return str(uuid.UUID(user_id)) if self.user_id_type == "uuid" else user_id
        except ValueError:
            raise BadInput(
                f"{user_id} is no user id of this application: they are {self.user_id_type}",
                "Say whose library it is with --user-id.",
            ) from None

    def column_type(self, name: str, kind: Kind) -> str:
        """The type of a column in a temporary table: an id as the application's tables have it."""
        ids: dict[str, str] = {"user_id": self.user_id_type, "title_id": self.title_id_type}
        return ids.get(name, self.types[kind])

    def close(self) -> None:
        """Give the connection back."""
        self._cursor.close()
        self._connection.close()

    # What each database has its own way for.

    def relation(self, name: str) -> Literal["table", "view"] | None:
        """What a name stands for, None for nothing."""
        raise NotImplementedError

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns; empty where there is no table."""
        raise NotImplementedError

    def readable(self, column: str, kind: Kind) -> str:
        """SQL of this database that gives a column as `read` does."""
        raise NotImplementedError

    def handed(self, column: str, name: str, kind: Kind) -> str:
        """DuckDB SQL that gives a value (text, number, flag or moment) as this database takes it in Arrow."""
        raise NotImplementedError

    def another(self) -> AbstractContextManager[Database]:
        """Another connection to the same database, closed on leaving."""
        raise NotImplementedError

    def wait_briefly(self, milliseconds: int = LOCK_TIMEOUT) -> None:
        """For the rest of the transaction, wait no longer for a row that another session has: `RowsLocked`."""

    @contextmanager
    def seeking(self) -> Iterator[None]:
        """Inside, rows are looked up one by one by their keys, whatever share of its table they seem to be."""
        yield

    def retype_user_ids(self, user_id_type: IdType) -> None:
        """Give the columns `user_id` the type of the application's user ids, those that are there and those to come."""
        if user_id_type != self.user_id_type:
            raise BadInput(f"--user-id-type {user_id_type}", "SQLite keeps ids as text: leave it out.")

    def schema_lock(self) -> None:
        """Wait, inside a transaction, until nobody else is making tables."""

    def keep_copy(self, suffix: str) -> str | None:
        """Keep a copy of the whole database where that is this program's business; where it lies."""
        return None

    def _run(self, sql: str, parameters: Sequence[object]) -> None:
        raise NotImplementedError

    def _plain(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return rows

    def _written(self) -> int:
        raise NotImplementedError

    def _typed_select(self, source: str, columns: Mapping[str, Kind]) -> str:
        raise NotImplementedError

    def _rows_of(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def _expect_join(self, table: str, key: Iterable[str]) -> None:
        """Do what a temporary table needs that is to be joined by this key."""

    def _drop_temporary(self, table: str) -> None:
        raise NotImplementedError

    def _error(self, error: Exception) -> TraktImportError:
        raise NotImplementedError

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        import adbc_driver_manager as manager

        try:
            yield
        except (manager.Error, OSError) as error:
            # How the driver tells a Ctrl-C during a call that it cannot cancel.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise self._error(error) from None
