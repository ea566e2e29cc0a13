"""How work flows: settings, events, the bus, the journal, storage, the report and the command line.

`connect()` is the door for notebooks: DuckDB with a view for every dataset under `DATA_URL`, read-only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["connect"]


def connect(data_url: str | None = None) -> DuckDBPyConnection:
    """DuckDB over everything under `data_url` (default: the setting `DATA_URL`), as `trakt-import query` sees it."""
    from pipeline.lake.connection import connect as open_lake

    return open_lake(data_url)
