"""A page becomes a Parquet file: typed columns, where each row came from, and the item as received."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.meanings import metadata
from pipeline.storage import Storage
from stages.extract import arrow
from stages.extract.endpoints import Endpoint
from stages.extract.source import REQUEST, Request, Source
from stages.extract.understanding import Reject, Understood, rewritten, understand

# The quickest of those measured on pages of history, and half of what snappy with dictionaries took.
COMPRESSION = "lz4"
# Made once: made in several threads at the same time, a decoder may read from nowhere.
_requests = msgspec.json.Decoder(Request)


def stage(
    endpoint: Endpoint,
    number: int,
    request: Request,
    items: list[bytes],
    understood: Understood,
    fetched_at: dt.datetime,
    source: Source,
) -> None:
    """Write the items of one answer, the `number`th of its endpoint, and what of them was rejected.

    Raises `StorageError` where a file cannot be written.
    """
    table = _table(items if understood.cleaned is None else understood.cleaned, endpoint)
    if table is None and understood.cleaned is None:
        # In good order, but JSON that the column reader refuses.
        table = _table(rewritten(endpoint, items), endpoint)
    if table is None:
        raise AssertionError(f"{endpoint.name}: what was understood cannot be written")
    positions = understood.positions
    kept = items if len(positions) == len(items) else [items[position] for position in positions]
    page = request.asked.page
    table = _with_origin(table, endpoint, page, positions, kept, fetched_at, source)
    if understood.rejects:
        # First, so that a page that is there is there with all that belongs to it.
        rejected = _rejected(understood.rejects, endpoint.name, page, fetched_at, source)
        _write(source.storage, source.rejected(endpoint.name, number), rejected, "rejected")
    _write(source.storage, source.file(endpoint.name, number), table, endpoint.name, request)


def tidy(endpoint: Endpoint, source: Source) -> list[int]:
    """The numbers of the staged answers; what a torn write left beside them is removed."""
    source.storage.sweep(source.folder(endpoint.name), source.folder("rejected"))
    numbers = [_number(name) for name in source.storage.names(source.folder(endpoint.name))]
    for name in source.storage.names(source.folder("rejected")):
        if name.rpartition("-")[0] == endpoint.name and _number(name) not in numbers:
            source.storage.remove(f"{source.folder('rejected')}/{name}")
    return numbers


def _number(name: str) -> int:
    return int(name.removesuffix(".parquet").rpartition("-")[2])


def recall(endpoint: Endpoint, number: int, source: Source) -> tuple[Request, list[bytes], Understood]:
    """An answer that lies staged: what was asked, the items as they came, and what became of them.

    Raises `StorageError` where it cannot be read.
    """
    name = source.file(endpoint.name, number)
    with _reading(source.storage, name):
        file = pq.ParquetFile(source.storage.path(name))
        request = _requests.decode(file.metadata.metadata[REQUEST.encode()])
        columns = file.read(["position", "raw"]).to_pydict()
        items = dict(zip(columns["position"], columns["raw"], strict=True))
    aside = source.rejected(endpoint.name, number)
    if len(items) < request.told.items and source.storage.exists(aside):
        with _reading(source.storage, aside):
            columns = pq.ParquetFile(source.storage.path(aside)).read(["position", "path", "raw"]).to_pydict()
        rejects = zip(columns["position"], columns["path"], columns["raw"], strict=True)
        items |= {position: raw for position, path, raw in rejects if path is None}
    raws = [items[position].encode() for position in sorted(items)]
    return request, raws, understand(endpoint, raws)


@contextmanager
def _reading(storage: Storage, name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{storage.path(name)} cannot be read", "Look at DATA_URL.") from error


def _table(items: list[bytes], endpoint: Endpoint) -> pa.Table | None:
    """The typed columns, read by Arrow's own JSON reader; None for what it refuses."""
    schema = arrow.columns(endpoint.items)
    if not items:
        return schema.empty_table()
    lines = b"\n".join(items)
    if arrow.renames(endpoint.items):
        lines = lines.replace(b'"3d":', b'"is_3d":')
        if b'"3d"' in lines:
            return None
    try:
        table = pa.json.read_json(
            pa.BufferReader(lines),
            pa.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            pa.json.ParseOptions(
                explicit_schema=schema,
                unexpected_field_behavior="ignore",
                newlines_in_values=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == len(items) else None


def _with_origin(
    table: pa.Table,
    endpoint: Endpoint,
    page: int,
    positions: Sequence[int],
    raws: list[bytes],
    fetched_at: dt.datetime,
    source: Source,
) -> pa.Table:
    count = len(positions)
    values = (
        _same(page, pa.int64(), count),
        _places(count) if isinstance(positions, range) else pa.array(positions, pa.int64()),
        _same(fetched_at, arrow.INSTANT, count),
        _texts(raws),
        _same(source.slug, pa.string(), count),
        _same(source.run_id, pa.string(), count),
    )
    return pa.Table.from_arrays([*table.columns, *values], schema=arrow.staged(endpoint.items))


def _rejected(rejects: list[Reject], endpoint: str, page: int, fetched_at: dt.datetime, source: Source) -> pa.Table:
    count = len(rejects)
    return pa.Table.from_arrays(
        [
            _same(endpoint, pa.string(), count),
            _same(page, pa.int64(), count),
            pa.array([reject.position for reject in rejects], pa.int64()),
            pa.array([reject.path for reject in rejects], pa.string()),
            pa.array([reject.parent for reject in rejects], pa.string()),
            pa.array([reject.reason for reject in rejects], pa.string()),
            _same(fetched_at, arrow.INSTANT, count),
            _texts([reject.raw for reject in rejects]),
            _same(source.slug, pa.string(), count),
            _same(source.run_id, pa.string(), count),
        ],
        schema=arrow.REJECTED,
    )


@lru_cache(maxsize=64)
def _same(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    # Not `pa.repeat`, which lets go of the interpreter for so little, and then waits for it.
    return pa.array([value] * count, kind)


@lru_cache(maxsize=64)
def _places(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


def _texts(texts: list[bytes]) -> pa.Array:
    return pa.array(texts, pa.string())


def _write(storage: Storage, name: str, table: pa.Table, dataset: str, request: Request | None = None) -> None:
    # Through memory: written straight to a file, a page takes three times as long.
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, table.schema, compression=COMPRESSION, use_dictionary=False, write_statistics=False, store_schema=False
    ) as writer:
        writer.write_table(table)
        asked = {} if request is None else {REQUEST: msgspec.json.encode(request).decode()}
        writer.add_key_value_metadata(metadata(dataset) | asked)
    # Folders are settled together, once all pages are there.
    storage.write(name, memoryview(sink.getvalue()), settled=False)
