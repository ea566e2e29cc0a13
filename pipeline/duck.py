"""One way to open DuckDB: in memory, in UTC, blind to Python's variables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.errors import StorageError

if TYPE_CHECKING:
    import duckdb


@contextmanager
def open_duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection, closed on leaving; `StorageError` where a file cannot be read or written."""
    import duckdb

    # An unknown table name must fail, not be looked up among Python's variables.
    connection = duckdb.connect(config={"python_enable_replacements": False})
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    except duckdb.IOException as error:
        raise StorageError(str(error).splitlines()[0], "Look at DATA_URL, then: trakt-import resume") from error
    finally:
        connection.close()
