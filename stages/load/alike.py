"""Whether two Parquet files hold the same rows, told by their bytes: nothing is decoded, let alone joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.duck import quoted
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb

# Where the bytes of each column lie; of what names the run they differ always.
CHUNKS = (
    "select path_in_schema, num_values, coalesce(nullif(dictionary_page_offset, 0), data_page_offset) as start, "
    "total_compressed_size from parquet_metadata({}) where path_in_schema not in ('run_id', 'trakt_slug') "
    "order by row_group_id, column_id"
)


def alike(connection: duckdb.DuckDBPyConnection, storage: Storage, one: str, other: str) -> bool:
    """Whether the files are the same in every column but `run_id` and `trakt_slug`, row for row.

    False says nothing: the same rows may have been written in other pieces.
    """
    chunks = [connection.execute(CHUNKS.format(quoted(storage.path(name)))).fetchall() for name in (one, other)]
    if [(name, count, size) for name, count, _, size in chunks[0]] != [(n, c, s) for n, c, _, s in chunks[1]]:
        return False
    first, second = (memoryview(storage.read(name)) for name in (one, other))
    return all(
        first[here : here + size] == second[there : there + size]
        for (_, _, here, size), (_, _, there, _) in zip(*chunks, strict=True)
    )
