"""Open the database that `DATABASE_URL` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.settings import Settings
from stages.database.connection import Database


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """An open connection, closed on leaving; `DatabaseError` where it cannot be reached or opened."""
    if settings.database == "sqlite":
        from stages.database.sqlite import open_sqlite

        with open_sqlite(settings.database_url) as database:
            yield database
    else:
        from stages.database.postgresql import open_postgresql

        with open_postgresql(settings.database_url) as database:
            yield database
