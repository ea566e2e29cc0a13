"""One connection to the application database: plain SQL in, Arrow in and out, one transaction at a time.

What differs between databases stands here and nowhere else: how to open, how text stands for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import DatabaseError
from pipeline.lazy import defer
from pipeline.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
BUSY_MS = 60_000


class Database:
    """An open connection. Every method raises `DatabaseError` where the database refuses."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def execute(self, sql: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement; the rows it gives, if any."""
        with _told():
            self._cursor.execute(sql, parameters)
            return self._cursor.fetchall() if self._cursor.description else []

    def script(self, sql: str) -> None:
        """Run the statements of a script, each ended by a semicolon at the end of its line."""
        for statement in sql.split(";\n"):
            if any(line.strip() and not line.startswith("--") for line in statement.splitlines()):
                self.execute(statement)

    def read(self, sql: str) -> pa.RecordBatchReader:
        """The rows of a query as Arrow, as they come.

        SQLite has no column types: the driver takes those of the first rows, so a query that may
        give nulls first starts with one made-up row of the right types (see `stages/load`).
        """
        with _told():
            self._cursor.execute(sql)
            reader: pa.RecordBatchReader = self._cursor.fetch_record_batch()
            return reader

    def append(self, table: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Bulk-insert rows into a table that is there."""
        with _told():
            self._cursor.adbc_ingest(table, rows, mode="append")

    def stage(self, table: str, rows: pa.Table) -> None:
        """Bulk-insert rows into a temporary table that is there (made by `execute`, so that its types are said)."""
        with _told():
            self._cursor.adbc_ingest(table, rows, mode="append", temporary=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside, or nothing. The right to write is taken at once, so what is read inside stays true."""
        self.execute("begin immediate")
        try:
            yield
            self.execute("commit")
        except BaseException:
            with _told():
                self._cursor.execute("rollback")
            raise

    def prepare(self) -> None:
        """Create the tables that are missing; `DatabaseError` for another schema version than ours."""
        version = self.version()
        if version is None:
            with self.transaction():
                self.script(schema_sql())
                if self.version() is None:
                    self.execute("insert into schema_version (version) values (?)", (SCHEMA_VERSION,))
        elif version != SCHEMA_VERSION:
            newer = version > SCHEMA_VERSION
            raise DatabaseError(
                f"its schema is version {version}, this program's is {SCHEMA_VERSION}",
                "Install the newer trakt-import." if newer else "Run: trakt-import db upgrade",
            )

    def version(self) -> int | None:
        """The schema's version, None where there is none yet."""
        if not self.execute("select 1 from sqlite_master where name = 'schema_version'"):
            return None
        rows = self.execute("select max(version) from schema_version")
        return rows[0][0] if rows else None

    def titles_is_view(self) -> bool:
        """Whether the catalogue is a view over the application's own tables."""
        return bool(self.execute("select 1 from sqlite_master where name = 'titles' and type = 'view'"))

    def close(self) -> None:
        """Give the connection back."""
        self._cursor.close()
        self._connection.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database that `DATABASE_URL` names, its folder made where it is missing."""
    if settings.database != "sqlite":
        raise DatabaseError(
            "this version speaks to SQLite only", "Set DATABASE_URL to sqlite:///PATH, or leave it out for data/app.db."
        )
    # The driver manager imports it for a kind of rows that we never give: 40 ms.
    defer("pyarrow.dataset")
    import adbc_driver_sqlite.dbapi as driver

    path = Path(settings.database_url.removeprefix("sqlite:///"))
    with _told(str(path)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"{path.parent} ({error.strerror})", "Look at DATABASE_URL.") from error
        connection = driver.connect(str(path), autocommit=True)
    database = Database(connection)
    try:
        database.execute(f"pragma busy_timeout = {BUSY_MS}")
        database.execute("pragma journal_mode = wal")
        yield database
    finally:
        database.close()


def schema_sql() -> str:
    """The text of `schema.sql`."""
    return resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")


@contextmanager
def _told(subject: str = "") -> Iterator[None]:
    """Turn the driver's errors into ours; the first line of what it says is enough for a person."""
    import adbc_driver_manager as manager

    try:
        yield
    except (manager.Error, OSError) as error:
        said = str(error).splitlines()[0].removeprefix("INTERNAL: ").removeprefix("INVALID_ARGUMENT: ")
        raise DatabaseError(
            f"{subject}: {said}" if subject else said,
            "Look at DATABASE_URL, rights and free space, then: trakt-import resume",
        ) from error
