"""Two files are alike where their rows are, in whatever bytes these are written."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.duck import open_duckdb
from pipeline.storage import Storage
from stages.load.alike import alike, differing

SCHEMA = pa.schema([("key", pa.string()), ("number", pa.int64()), ("flag", pa.bool_()), ("run_id", pa.string())])
# How the same values come to be written in other bytes: with a mask that says which of them are null, in other pieces,
# packed otherwise.
WAYS = ("from rows", "select nullif(key, 'never') as key, nullif(number, 99) as number, flag, run_id from rows")
PIECES = (122_880, 2_048)
VALUES = st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from([0, 1, None]), st.sampled_from([True, None]))
ROWS = st.lists(VALUES, max_size=4)


def write(storage: Storage, name: str, rows: list[tuple[object, ...]], way: str, pieces: int) -> None:
    columns = zip(*rows, strict=True) if rows else [()] * 3
    made = [pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=False)]
    table = pa.table([*made, pa.array([name] * len(rows), pa.string())], SCHEMA)
    with open_duckdb() as connection:
        connection.register("rows", table)
        connection.execute(f"copy ({way}) to '{storage.path(name)}' (format parquet, row_group_size {pieces})")


@settings(max_examples=60, deadline=None)
@given(
    one=ROWS,
    other=st.none() | ROWS,
    way=st.sampled_from(WAYS),
    pieces=st.sampled_from(PIECES),
    times=st.sampled_from([1, 1500]),
)
def test_files_are_alike_where_their_rows_are(one, other, way, pieces, times):
    other = one if other is None else other
    with TemporaryDirectory() as folder, open_duckdb() as connection:
        storage = Storage(folder)
        write(storage, "one.parquet", one * times, WAYS[0], PIECES[0])
        write(storage, "other.parquet", other * times, way, pieces)

        files = storage, "one.parquet", "other.parquet"
        found = differing(*files)

        assert (found is not None and alike(connection, *files, found)) == (one * times == other * times)
