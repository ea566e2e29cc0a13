"""PostgreSQL's own ways: typed ids, parameters as literals, row locks, errors by SQLSTATE, no password in any text."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast
from urllib.parse import urlsplit

from pipeline.errors import BadInput, DatabaseError
from pipeline.lazy import left_out
from stages.database.connection import LOCK_TIMEOUT, Database, IdType, Kind, RowsChanged, RowsLocked

if TYPE_CHECKING:
    import pyarrow as pa

# Put into the URL where it does not say otherwise: who we are, and when a silent server counts as gone.
DEFAULTS = {
    "application_name": "trakt-import",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
SESSION = {"timezone": "UTC", "client_min_messages": "warning", "standard_conforming_strings": "on"}
SCHEMA_LOCK = 7_472_616_674  # any number that is always the same: one maker of tables at a time

ID_TYPES = {"uuid": "uuid", "bigint": "bigint", "integer": "bigint", "smallint": "bigint"}
TEMPORARY = (
    "Connection refused",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "server closed the connection",
)
LATER = "Try again: trakt-import resume"
HINTS = {
    "28": "Look at user and password in DATABASE_URL, and at the server's pg_hba.conf.",
    "3D": "Create the database, or look at DATABASE_URL.",
    "3F": "Create the schema that search_path names, or look at options= in DATABASE_URL.",
    "42501": "The role lacks a right; the README has the GRANT lines, under PostgreSQL. Then: trakt-import resume",
    "42P01": "Create the tables with: trakt-import db upgrade; or look at search_path in DATABASE_URL.",
    "42703": "A table lacks a column; see docs/postgresql.md for what titles needs, and run: trakt-import db upgrade",
    "53": "The server is short of disk, memory or connections; then: trakt-import resume",
    "57014": "statement_timeout or an administrator ended it; raise it in options= of DATABASE_URL. " + LATER,
    "25006": "The server is read-only, a standby perhaps; look at DATABASE_URL, then: trakt-import resume",
}
HINT = "Look at DATABASE_URL and whether the server is up, then: trakt-import resume"


class PostgreSQL(Database):
    """One session. Writers wait for each other row by row, readers never."""

    types: ClassVar[Mapping[Kind, str]] = {
        "text": "text",
        "number": "bigint",
        "flag": "boolean",
        "moment": "timestamptz",
    }
    begin = "begin"
    row_lock = "for update of t nowait"

    def start(self) -> None:
        """Set what the session needs, and learn the types of the application's ids."""
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in SESSION.items())
        id_type = (
            "(select format_type(atttypid, null) from pg_attribute where attrelid = to_regclass('{}') and "
            "attname = '{}' and not attisdropped)"
        )
        row = self.execute(
            f"select {id_type.format('trakt_accounts', 'user_id')}, {id_type.format('titles', 'title_id')}, {settings}"
        )[0]
        self.user_id_type, self.title_id_type = (cast(IdType, ID_TYPES.get(found, "text")) for found in row[:2])

    def relation(self, name: str) -> Literal["table", "view"] | None:
        rows = self.execute("select cast(relkind as text) from pg_class where oid = to_regclass(?)", (name,))
        return ("view" if rows[0][0] in "vm" else "table") if rows else None

    def columns(self, table: str) -> list[str]:
        rows = self.execute(
            "select cast(attname as text) from pg_attribute where attrelid = to_regclass(?) and attnum > 0 "
            "and not attisdropped",
            (table,),
        )
        return [row[0] for row in rows]

    def readable(self, column: str, kind: Kind) -> str:
        return column if kind in ("flag", "moment") else f"cast({column} as {self.types[kind]})"

    def handed(self, column: str, name: str, kind: Kind) -> str:
        match self.column_type(name, kind):
            case "uuid":
                return f"unhex(replace(cast({column} as varchar), '-', ''))"
            case "bigint":
                return f"cast({column} as bigint)"
            case "text":
                # JSON may carry a NUL, PostgreSQL's text may not.
                return f"replace({column}, chr(0), '')"
        return column

    def another(self) -> AbstractContextManager[PostgreSQL]:
        return open_postgresql(self.url)

    def wait_briefly(self, milliseconds: int = LOCK_TIMEOUT) -> None:
        self.execute(f"set local lock_timeout = {milliseconds}")

    @contextmanager
    def seeking(self) -> Iterator[None]:
        # The planner takes a page out of order to be far more work than it is on today's disks, and of a table that was
        # filled a minute ago it knows nothing: it would read it whole.
        self.execute("set enable_seqscan = off")
        try:
            yield
        finally:
            with suppress(DatabaseError):  # where the transaction has failed, its end takes the setting back
                self.execute("reset enable_seqscan")

    def schema_lock(self) -> None:
        self.execute("select cast(pg_advisory_xact_lock(?) as text)", (SCHEMA_LOCK,))

    def retype_user_ids(self, user_id_type: IdType) -> None:
        self.user_id_type = user_id_type
        rows = self.execute(
            "select cast(c.relname as text) from pg_class as c join pg_attribute as a on a.attrelid = c.oid "
            "where c.oid in (to_regclass('trakt_accounts'), to_regclass('library_entries'), to_regclass('season_entries'), "
            "to_regclass('episode_entries'), to_regclass('watches'), to_regclass('import_runs')) "
            "and a.attname = 'user_id' and format_type(a.atttypid, null) <> ?",
            (user_id_type,),
        )
        for (table,) in rows:
            self.execute(
                f"alter table {table} alter column user_id type {user_id_type} "
                f"using cast(cast(user_id as text) as {user_id_type})"
            )

    def _run(self, sql: str, parameters: Sequence[object]) -> None:
        # An untyped literal takes the type of the column it meets (text, bigint, uuid, timestamptz); a bound
        # parameter would come as text and meet none of the others.
        head, *tails = sql.split("?") if parameters else [sql]
        self._cursor.execute(
            head + "".join(literal(value) + tail for value, tail in zip(parameters, tails, strict=True))
        )

    def _plain(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [tuple(_moment(value) if isinstance(value, dt.datetime) else value for value in row) for row in rows]

    def _written(self) -> int:
        return int(self._cursor.rowcount)

    def _typed_select(self, source: str, columns: Mapping[str, Kind]) -> str:
        return f"select {', '.join(f'{self.readable(name, kind)} as {name}' for name, kind in columns.items())} from {source}"

    def _rows_of(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches

    def _expect_join(self, table: str, key: Iterable[str]) -> None:
        # A table that was analyzed while its first rows were still being loaded is taken for an empty one: the planner
        # then reads it whole, and for each of its rows would read this one whole too.
        self.execute(f"create index on pg_temp.{table} ({', '.join(key)})")

    def _drop_temporary(self, table: str) -> None:
        self.execute(f"drop table if exists pg_temp.{table}")

    def _error(self, error: Exception) -> DatabaseError:
        return told(error)


def _moment(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def literal(value: object) -> str:
    """A parameter as SQL writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if "\0" in text:
        raise BadInput("a text with a NUL character", "PostgreSQL cannot hold one.")
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def open_postgresql(url: str) -> Iterator[PostgreSQL]:
    """A session with the server that the URL names; a server that is just starting is asked again for some seconds."""
    # The driver manager imports it for a kind of rows that we never give: 40 ms.
    with left_out("pyarrow.dataset"):
        import adbc_driver_postgresql.dbapi as driver
    import adbc_driver_manager as manager
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    attempts = Retrying(
        retry=retry_if_exception(lambda error: any(text in str(error) for text in TEMPORARY)),
        stop=stop_after_attempt(4),
        wait=wait_exponential(0.3),
        reraise=True,
    )
    try:
        connection = attempts(driver.connect, _complete(url), autocommit=True)
    except manager.Error as error:
        raise told(error, url) from None
    database = PostgreSQL(connection, url)
    try:
        database.start()
        yield database
    finally:
        database.close()


def _complete(url: str) -> str:
    """The URL with `DEFAULTS` for what it leaves open."""
    base, _, query = url.partition("?")
    given = [part for part in query.split("&") if part]
    names = {part.partition("=")[0] for part in given}
    return f"{base}?{'&'.join(given + [f'{name}={value}' for name, value in DEFAULTS.items() if name not in names])}"


def told(error: Exception, url: str = "") -> DatabaseError:
    """What the server says, in its first line and without the statement, as an ending with a hint that fits."""
    text = str(error)
    state = getattr(error, "sqlstate", None) or ""
    said = re.search(r"(?:ERROR|FATAL|PANIC): +(.*)", text)
    if said:
        message = said[1]
    else:
        message = re.sub(r"^[A-Z_]+: (\[libpq\] )?(Failed to \w+( query)?: )?", "", text).splitlines()[0]
        if "connection to server" not in message:
            # libpq quotes the parts of a URL that it cannot use, and one of them may be the password.
            host = _host(url)
            message = re.sub(r'"([^"]*)"', lambda match: match[0] if host and match[1] == host else '"…"', message)
    state = state or _state_of(message)
    if state in ("55P03", "40P01", "40001"):
        return RowsLocked(message, LATER)
    if state == "23505":
        return RowsChanged(message, LATER)
    return DatabaseError(message, HINTS.get(state) or HINTS.get(state[:2]) or HINT)


def _state_of(message: str) -> str:
    """The SQLSTATE of a refused connection, which the driver does not pass on."""
    if "authentication" in message or "pg_hba.conf" in message:
        return "28000"
    if message.startswith("database ") or "does not exist" in message:
        return "3D000" if "database" in message else "28000"
    return "53300" if "clients" in message or "slots" in message else ""


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
