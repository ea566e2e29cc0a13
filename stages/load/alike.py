"""What two Parquet files have in common, told by their bytes wherever these are the same."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pipeline.duck import parquet
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# What names the run differs always.
NAMING = ("run_id", "trakt_slug")
Columns = dict[str, list[tuple[int, "pa.Buffer"]]]
"""The pieces of each column: how many values, and their bytes."""


def differing(storage: Storage, one: str, other: str) -> list[str] | None:
    """The columns, but for `run_id` and `trakt_slug`, that two files of as many rows do not have in the same bytes.

    None where the files have other columns, or not as many rows. Equal values may be written in other bytes.
    """
    first, second = (_columns(storage, name) for name in (one, other))
    if first.keys() != second.keys() or _rows(first) != _rows(second):
        return None
    return [name for name in first if first[name] != second[name]]


def alike(
    connection: duckdb.DuckDBPyConnection, storage: Storage, one: str, other: str, columns: Collection[str]
) -> bool:
    """Whether two files of as many rows have the same values in these columns, row for row."""
    if not columns:
        return True
    names = ", ".join(columns)
    files = [parquet(storage, [name], alike=True) for name in (one, other)]
    differs = " or ".join(f"a.{name} is distinct from b.{name}" for name in columns)
    found = connection.execute(
        f"select 1 from (select {names} from {files[0]}) as a positional join (select {names} from {files[1]}) as b "
        f"where {differs} limit 1"
    )
    return not found.fetchall()


def _columns(storage: Storage, name: str) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data, columns = pa.py_buffer(storage.mapped(name)), dict[str, list[tuple[int, pa.Buffer]]]()
    told = pq.read_metadata(pa.BufferReader(data))
    for number in range(told.num_row_groups):
        group = told.row_group(number)
        for column in map(group.column, range(told.num_columns)):
            if column.path_in_schema not in NAMING:
                start = column.dictionary_page_offset or column.data_page_offset
                piece = column.num_values, data.slice(start, column.total_compressed_size)
                columns.setdefault(column.path_in_schema, []).append(piece)
    return columns


def _rows(columns: Columns) -> int:
    return sum(count for count, _ in next(iter(columns.values()), ()))
