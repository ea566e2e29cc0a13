"""A page becomes a Parquet file: typed columns, where each row came from, and the item as received."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Union

import msgspec
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.meanings import metadata
from pipeline.storage import Storage
from stages.extract import arrow
from stages.extract.cleaning import Notes, Unreadable, clean
from stages.extract.endpoints import Endpoint, TitleKey, title_key, title_name
from stages.extract.source import REQUEST, Request, Source

# The quickest of those measured on pages of history, and half of what snappy with dictionaries took.
COMPRESSION = "lz4"
EDGES = (b'"0001-01-01', b'"9999-12-31')


@dataclass(slots=True)
class Staged:
    """What became of one answer: rows that can be read, in order, and the rest.

    `plays`, of the endpoints that tell them: key of the row to its title and number of plays; `names`: what these
    titles are called. `rejected` are the keys of whole rows set aside; `unreadable` counts fields by path.
    """

    rows: list[Any]
    keys: list[Hashable]
    plays: dict[Hashable, tuple[TitleKey, int]] = field(default_factory=dict)
    names: dict[TitleKey, str] = field(default_factory=dict)
    rejected: list[Hashable] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def all_keys(self) -> set[Hashable]:
        """The keys of all items, set aside or not."""
        return {*self.keys, *self.rejected}


class _Reject(NamedTuple):
    position: int
    path: str | None
    reason: str
    raw: bytes


class _Read(NamedTuple):
    """The items of an answer as they were understood; `orderly` says that all were in good order as they came."""

    rows: list[Any]
    positions: list[int]
    rejects: list[_Reject]
    orderly: bool
    notes: Notes


def stage(
    endpoint: Endpoint, number: int, request: Request, items: list[bytes], fetched_at: dt.datetime, source: Source
) -> Staged:
    """Write the items of one answer, the `number`th of its endpoint, and what of them was rejected.

    Raises `StorageError` where a file cannot be written.
    """
    read = _read(endpoint, items)
    table = _table(items, endpoint) if read.orderly else None
    if table is None:
        # Some item was cleaned, or is JSON that the column reader refuses: from what was understood, then.
        table = _table([msgspec.json.encode(row) for row in read.rows], endpoint)
        if table is None:
            raise AssertionError(f"{endpoint.name}: what was understood cannot be written")
    kept = items if len(read.positions) == len(items) else [items[position] for position in read.positions]
    page = request.asked.page
    table = _with_origin(table, page, read.positions, kept, fetched_at, source)
    if read.rejects:
        # First, so that a page that is there is there with all that belongs to it.
        rejected = _rejected(read.rejects, endpoint.name, page, fetched_at, source)
        _write(source.storage, source.rejected(endpoint.name, number), rejected, "rejected")
    _write(source.storage, source.file(endpoint.name, number), table, endpoint.name, request)
    return _tally(endpoint, read)


def _tally(endpoint: Endpoint, read: _Read) -> Staged:
    rows = read.rows
    staged = Staged(rows, [endpoint.key(row) for row in rows])
    staged.rejected = [("rejected", reject.raw) for reject in read.rejects if reject.path is None]
    if endpoint.plays is not None:
        titles = [title_key(row) for row in rows]
        staged.plays = dict(zip(staged.keys, zip(titles, map(endpoint.plays, rows), strict=True), strict=True))
        staged.names = dict(zip(titles, map(title_name, rows), strict=True))
    for path, example in read.notes.fields:
        staged.unreadable[path] += 1
        staged.examples.setdefault(path, example)
    return staged


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


def recall(endpoint: Endpoint, number: int, source: Source) -> tuple[Request, list[bytes], Staged]:
    """An answer that lies staged: what was asked, the items as they came, and what became of them.

    Raises `StorageError` where it cannot be read.
    """
    name = source.file(endpoint.name, number)
    with _reading(source.storage, name):
        file = pq.ParquetFile(source.storage.path(name))
        request = msgspec.json.decode(file.metadata.metadata[REQUEST.encode()], type=Request)
        columns = file.read(["position", "raw"]).to_pydict()
        items = dict(zip(columns["position"], columns["raw"], strict=True))
    aside = source.rejected(endpoint.name, number)
    if len(items) < request.told.items and source.storage.exists(aside):
        with _reading(source.storage, aside):
            columns = pq.ParquetFile(source.storage.path(aside)).read(["position", "path", "raw"]).to_pydict()
        rejects = zip(columns["position"], columns["path"], columns["raw"], strict=True)
        items |= {position: raw for position, path, raw in rejects if path is None}
    raws = [items[position].encode() for position in sorted(items)]
    return request, raws, _tally(endpoint, _read(endpoint, raws))


@contextmanager
def _reading(storage: Storage, name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{storage.path(name)} cannot be read", "Look at DATA_URL.") from error


@cache
def _decoders(items: Sequence[type]) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    item: Any = Union[tuple(items)]  # noqa: UP007 - built from a tuple
    return msgspec.json.Decoder(list[item]), msgspec.json.Decoder(item)


def _read(endpoint: Endpoint, items: list[bytes]) -> _Read:
    notes = Notes()
    whole, single = _decoders(endpoint.items)
    try:
        _inside_the_calendar(items)
        rows = whole.decode(b"[" + b",".join(items) + b"]")
        return _Read(rows, list(range(len(items))), [], True, notes)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    read: _Read = _Read([], [], [], False, notes)
    for position, raw in enumerate(items):
        aside = Notes()
        try:
            read.rows.append(_one(raw, endpoint, single, aside))
            read.positions.append(position)
        except Unreadable as error:
            # With its whole, a part is set aside only once.
            read.rejects.append(_Reject(position, None, error.reason, raw))
            continue
        notes.fields += aside.fields
        read.rejects.extend(_Reject(position, part.path, part.reason, part.raw.encode()) for part in aside.parts)
    return read


def _inside_the_calendar(items: list[bytes]) -> None:
    """Leave to the cleaner what an offset may carry beyond the first and the last day there is."""
    if any(edge in item for item in items for edge in EDGES):
        raise ValueError("a date at the edge of the calendar")


def _one(raw: bytes, endpoint: Endpoint, decoder: msgspec.json.Decoder[Any], notes: Notes) -> Any:
    try:
        _inside_the_calendar([raw])
        return decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:
        value = json.loads(raw)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError:
        raise Unreadable("not to be read as JSON") from None
    return clean(value, endpoint.items, notes)


def _table(items: list[bytes], endpoint: Endpoint) -> pa.Table | None:
    """The typed columns, read by Arrow's own JSON reader; None for what it refuses."""
    schema = arrow.columns(endpoint.items)
    if not items:
        return schema.empty_table()
    lines = b"\n".join(items).replace(b'"3d":', b'"is_3d":')
    if b'"3d"' in lines:
        return None
    try:
        table = pa.json.read_json(
            pa.BufferReader(lines),
            pa.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            pa.json.ParseOptions(
                explicit_schema=schema,
                unexpected_field_behavior="ignore",
                newlines_in_values=lines.count(b"\n") >= len(items),
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == len(items) else None


def _with_origin(
    table: pa.Table, page: int, positions: list[int], raws: list[bytes], fetched_at: dt.datetime, source: Source
) -> pa.Table:
    count = len(positions)
    values = (
        _same(page, pa.int64(), count),
        pa.array(positions, pa.int64()),
        _same(fetched_at, arrow.INSTANT, count),
        _texts(raws),
        _same(source.slug, pa.string(), count),
        _same(source.run_id, pa.string(), count),
    )
    arrays = [*table.columns, *values]
    return pa.Table.from_arrays(arrays, schema=pa.schema([*table.schema, *arrow.ORIGIN]))


def _rejected(rejects: list[_Reject], endpoint: str, page: int, fetched_at: dt.datetime, source: Source) -> pa.Table:
    count = len(rejects)
    return pa.Table.from_arrays(
        [
            _same(endpoint, pa.string(), count),
            _same(page, pa.int64(), count),
            pa.array([reject.position for reject in rejects], pa.int64()),
            pa.array([reject.path for reject in rejects], pa.string()),
            pa.array([reject.reason for reject in rejects], pa.string()),
            _same(fetched_at, arrow.INSTANT, count),
            _texts([reject.raw for reject in rejects]),
            _same(source.slug, pa.string(), count),
            _same(source.run_id, pa.string(), count),
        ],
        schema=arrow.REJECTED,
    )


def _same(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)


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
    storage.write(name, sink.getvalue())
