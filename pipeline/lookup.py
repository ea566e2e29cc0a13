"""Find the few titles of a snapshot that bear wanted ids without reading it whole.

Beside `titles.parquet` of a large catalogue lie Arrow files, not compressed, so that they are looked at in place: `lines.arrow`,
each row in the order of `titles.parquet` as one JSON list of the columns that resolving needs (apart, each column would be
another page to fetch), and for each id `<id>.arrow`, every `key` in order with the `place` of its row. They only save time:
where they are missing, the snapshot is read.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pipeline.duck import parquet
from pipeline.errors import StorageError
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

COLUMNS = {
    "title_id": "varchar",
    "kind": "varchar",
    "trakt_id": "bigint",
    "imdb_id": "varchar",
    "tmdb_id": "bigint",
    "tvdb_id": "bigint",
    "aired_episodes": "bigint",
}
# What an id is looked for by. Of another kind, or with other zeros in front, there may be more: the join will tell.
IDS = {
    "trakt_id": "trakt_id",
    "imdb_id": "case when imdb_id is not null then coalesce(try_cast(imdb_id[3:] as bigint), -1) end",
    "tmdb_id": "tmdb_id",
    "tvdb_id": "tvdb_id",
}
# Titles of a catalogue that is worth it: a smaller one is read in less time than the files are opened.
LARGE = 500_000
# Titles of the catalogue for each one wanted: where there are fewer, to read it whole is quicker.
FEW = 50
BATCH = 1_000_000


def write_lookup(connection: duckdb.DuckDBPyConnection, storage: Storage, folder: str) -> None:
    """Write the files for `titles.parquet` of a folder, if that is large; those of older snapshots go."""
    titles = parquet(storage, [f"{folder}/titles.parquet"])
    if connection.execute(f"select count(*) from {titles}").fetchall()[0][0] < LARGE:
        return
    _write(
        connection, storage, f"select json_array({', '.join(COLUMNS)}) as line from {titles}", f"{folder}/lines.arrow"
    )
    numbered = titles.removesuffix(")") + ", file_row_number = true)"
    for name, key in IDS.items():
        query = f"select {key} as key, file_row_number::integer as place from {numbered} where {name} is not null order by key"
        _write(connection, storage, query, f"{folder}/{name}.arrow", whole=True)
    for older in storage.folders("catalog"):
        for name in storage.names(older) if older < folder else ():
            if name.endswith(".arrow"):
                storage.remove(f"{older}/{name}")


def look_up(
    connection: duckdb.DuckDBPyConnection, storage: Storage, folder: str, wanted: str, ids: Collection[str]
) -> bool:
    """Make the table `looked_up` of those rows of a snapshot that bear one of these `ids` of the relation `wanted`.

    False, and nothing made, where that would not be quicker than to read the snapshot.
    """
    if not storage.exists(f"{folder}/lines.arrow"):
        return False
    import pyarrow as pa

    try:
        rows = _open(storage, f"{folder}/lines.arrow")
        count = connection.execute(f"select count(*) from {wanted}").fetchall()[0][0]
        if count * FEW > rows.num_rows:
            return False
        sides = {name: _open(storage, f"{folder}/{name}.arrow") for name in ids} if count else {}
    except StorageError:  # a newer snapshot was taken meanwhile
        return False
    places = pa.chunked_array(
        [part for name, side in sides.items() for part in _places(connection, side, wanted, name).chunks], pa.int32()
    )
    connection.register("places", pa.table({"place": places}))
    connection.register("rows", _rows(connection, rows))
    values = ", ".join(f"told[{number}]::{kind} as {name}" for number, (name, kind) in enumerate(COLUMNS.items(), 1))
    connection.execute(
        f"create or replace table looked_up as select {values} from (select from_json(line, '[\"VARCHAR\"]') as told from rows)"
    )
    connection.execute("drop view places; drop view rows")
    return True


def _places(connection: duckdb.DuckDBPyConnection, side: pa.Table, wanted: str, name: str) -> pa.ChunkedArray:
    """The rows that bear a wanted id, by the table of its keys."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = connection.sql(
        f"select distinct {IDS[name]} as key from {wanted} where {name} is not null order by key"
    ).to_arrow_table()
    first, behind = (pc.search_sorted(side["key"], keys["key"], side=edge) for edge in ("left", "right"))
    connection.register("spans", pa.table({"first": first, "behind": behind}))
    found = connection.sql("select unnest(range(first::bigint, behind::bigint)) as at from spans").to_arrow_table()
    connection.execute("drop view spans")
    return side["place"].take(found["at"])


def _rows(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    """The rows at `places`, taken batch by batch: taken from all at once, all would be copied first."""
    import pyarrow as pa

    batches = rows.to_batches()
    connection.register("batches", pa.table({"number": range(len(batches)), "rows": [len(batch) for batch in batches]}))
    wanted = connection.sql(
        """
        with spans as (select number, sum(rows) over (order by number) as behind, behind - rows as first from batches)
        select number, list(distinct place - first) as places from places join spans on place >= first and place < behind
        group by number order by number
        """
    ).fetchall()
    connection.execute("drop view batches")
    return pa.Table.from_batches([batches[number].take(pa.array(places)) for number, places in wanted], rows.schema)


def _write(
    connection: duckdb.DuckDBPyConnection, storage: Storage, query: str, name: str, *, whole: bool = False
) -> None:
    """Write what a query gives as it comes, or, of a few numbers, as one batch: what is taken from many is copied first."""
    import pyarrow as pa

    with storage.writing(name) as path:
        rows = connection.sql(query).to_arrow_reader(BATCH)
        with pa.OSFile(path, "wb") as target, pa.ipc.new_file(target, rows.schema) as writer:
            if whole:
                writer.write_table(rows.read_all().combine_chunks())
            else:
                for batch in rows:
                    writer.write_batch(batch)


def _open(storage: Storage, name: str) -> pa.Table:
    import pyarrow as pa

    # Mapped by ourselves: Arrow would have the system read all of the file ahead.
    return pa.ipc.open_file(pa.py_buffer(storage.mapped(name))).read_all()
