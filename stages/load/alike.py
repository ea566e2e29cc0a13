"""Whether two Parquet files hold the same rows in the same order, told by their bytes wherever these are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.duck import parquet, quoted
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# Where the bytes of each column lie; of what names the run they differ always.
CHUNKS = (
    "select path_in_schema, num_values, coalesce(nullif(dictionary_page_offset, 0), data_page_offset), "
    "total_compressed_size from parquet_metadata({}) where path_in_schema not in ('run_id', 'trakt_slug') "
    "order by row_group_id, column_id"
)
Columns = dict[str, list[tuple[int, "pa.Buffer"]]]
"""The pieces of each column: how many values, and their bytes."""


def alike(connection: duckdb.DuckDBPyConnection, storage: Storage, one: str, other: str) -> bool:
    """Whether the files are the same in every column but `run_id` and `trakt_slug`, row for row.

    Equal values may have been written in other bytes: those are compared one by one.
    """
    first, second = (_columns(connection, storage, name) for name in (one, other))
    if first.keys() != second.keys() or _rows(first) != _rows(second):
        return False
    differing = [name for name in first if first[name] != second[name]]
    if not differing:
        return True
    columns = ", ".join(differing)
    sides = [
        f"(select {columns} from {parquet(storage, [name], alike=True)}) as {side}"
        for name, side in ((one, "a"), (other, "b"))
    ]
    differs = " or ".join(f"a.{name} is distinct from b.{name}" for name in differing)
    found = connection.execute(f"select 1 from {' positional join '.join(sides)} where {differs} limit 1")
    return not found.fetchall()


def _columns(connection: duckdb.DuckDBPyConnection, storage: Storage, name: str) -> Columns:
    import pyarrow as pa

    data, columns = pa.py_buffer(storage.read(name)), dict[str, list[tuple[int, pa.Buffer]]]()
    for column, count, start, size in connection.execute(CHUNKS.format(quoted(storage.path(name)))).fetchall():
        columns.setdefault(column, []).append((count, data.slice(start, size)))
    return columns


def _rows(columns: Columns) -> int:
    return sum(count for count, _ in next(iter(columns.values()), ()))
