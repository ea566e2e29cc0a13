"""A page becomes a Parquet file: typed columns, where each row came from, and the item as received."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Union

import msgspec
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from pipeline.meanings import metadata
from pipeline.storage import Storage
from stages.extract import arrow
from stages.extract.cleaning import Notes, Unreadable, clean
from stages.extract.endpoints import Endpoint, TitleKey, title_key, title_name
from stages.extract.source import Source

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


class _Reject(NamedTuple):
    position: int
    path: str | None
    reason: str
    raw: bytes


def stage(
    endpoint: Endpoint, number: int, page: int, items: list[bytes], fetched_at: dt.datetime, source: Source
) -> Staged:
    """Write the items of one answer, the `number`th of its endpoint, and what of them was rejected.

    Raises `StorageError` where a file cannot be written.
    """
    notes = Notes()
    rows, positions, rejects, orderly = _read(endpoint, items, notes)
    table = None
    if orderly:
        table = _table(items, endpoint)
    if table is None:
        # Some item was cleaned, or is JSON that the column reader refuses: from what was understood, then.
        table = _table([msgspec.json.encode(row) for row in rows], endpoint)
        if table is None:
            raise AssertionError(f"{endpoint.name}: what was understood cannot be written")
    kept = items if len(positions) == len(items) else [items[position] for position in positions]
    table = _with_origin(table, page, positions, kept, fetched_at, source)
    _write(source.storage, _name(endpoint.name, number, source), table, endpoint.name)
    if rejects:
        aside = f"staged/rejected/user={source.slug}/run={source.run_id}/{endpoint.name}-{number:05}.parquet"
        _write(source.storage, aside, _rejected(rejects, endpoint.name, page, fetched_at, source), "rejected")
    staged = Staged(rows, [endpoint.key(row) for row in rows])
    staged.rejected = [("rejected", reject.raw) for reject in rejects if reject.path is None]
    if endpoint.plays is not None:
        titles = [title_key(row) for row in rows]
        staged.plays = dict(zip(staged.keys, zip(titles, map(endpoint.plays, rows), strict=True), strict=True))
        staged.names = dict(zip(titles, map(title_name, rows), strict=True))
    for path, example in notes.fields:
        staged.unreadable[path] += 1
        staged.examples.setdefault(path, example)
    return staged


def _name(endpoint: str, number: int, source: Source) -> str:
    return f"staged/{endpoint}/user={source.slug}/run={source.run_id}/page-{number:05}.parquet"


@cache
def _decoders(items: Sequence[type]) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    item: Any = Union[tuple(items)]  # noqa: UP007 - built from a tuple
    return msgspec.json.Decoder(list[item]), msgspec.json.Decoder(item)


def _read(endpoint: Endpoint, items: list[bytes], notes: Notes) -> tuple[list[Any], list[int], list[_Reject], bool]:
    """The rows, their places, the rejects, and whether every item was in good order as it came."""
    whole, single = _decoders(endpoint.items)
    try:
        _inside_the_calendar(items)
        return whole.decode(b"[" + b",".join(items) + b"]"), list(range(len(items))), [], True
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    rows, positions, rejects = [], [], []
    for position, raw in enumerate(items):
        aside = Notes()
        try:
            rows.append(_one(raw, endpoint, single, aside))
            positions.append(position)
        except Unreadable as error:
            # With its whole, a part is set aside only once.
            rejects.append(_Reject(position, None, error.reason, raw))
            continue
        notes.fields += aside.fields
        rejects += [_Reject(position, part.path, part.reason, part.raw.encode()) for part in aside.parts]
    return rows, positions, rejects, False


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


def _write(storage: Storage, name: str, table: pa.Table, dataset: str) -> None:
    # Through memory: written straight to a file, a page takes three times as long.
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, table.schema, compression=COMPRESSION, use_dictionary=False, write_statistics=False, store_schema=False
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata(dataset))
    storage.write(name, sink.getvalue())
