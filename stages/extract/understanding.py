"""What the items of an answer say: those that can be read are rows, the rest is set aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, NamedTuple, Union

import msgspec

from stages.extract.cleaning import Notes, Unreadable, clean
from stages.extract.endpoints import Endpoint, TitleKey, newest_of, title_key, title_name

# What a strict decoder raises at JSON that is not in good order.
DISORDER = (msgspec.MsgspecError, RecursionError, ValueError)
_making_ready = Lock()
EDGES = (b'"0001-01-01', b'"9999-12-31')


class Reject(NamedTuple):
    """An item, or (with a path) a part of one, that cannot be read: where it stood, why, and its JSON.

    `parent` is the key of the row that it is a part of, as text.
    """

    position: int
    path: str | None
    parent: str | None
    reason: str
    raw: bytes


@dataclass(slots=True)
class Understood:
    """The rows of one answer, by key in their order, and what they tell.

    `positions` are their places among the items. `cleaned` is the JSON of the rows as they were understood, None where
    all items were in good order as they came. `rows` are kept only of an answer that is not paged. `titles` and `plays`,
    of the endpoints that tell them: each row's title and its number of plays; `names`: what these titles are called.
    `unreadable` counts fields by path, `newest` is the latest date.
    """

    keys: list[Hashable]
    positions: Sequence[int]
    rejects: list[Reject]
    cleaned: list[bytes] | None
    rows: list[Any]
    newest: str | None
    titles: list[TitleKey] = field(default_factory=list)
    plays: list[int] = field(default_factory=list)
    names: dict[TitleKey, str] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def rejected(self) -> list[Hashable]:
        """The keys of whole items set aside."""
        return [("rejected", reject.raw) for reject in self.rejects if reject.path is None]

    def all_keys(self) -> set[Hashable]:
        """The keys of all items, set aside or not."""
        return {*self.keys, *self.rejected}


def understand_at_once(endpoint: Endpoint, items: list[bytes]) -> Understood | None:
    """The quick way, in one call of the decoder; None where an item is not in good order."""
    try:
        rows = _rows(endpoint, items)
    except DISORDER:
        return None
    return _told(endpoint, rows, range(len(rows)), [], Notes(), None)


def understand_one_by_one(endpoint: Endpoint, items: list[bytes]) -> Understood:
    """The patient way: every item, and every part of one, by itself."""
    rows: list[Any] = []
    positions: list[int] = []
    rejects: list[Reject] = []
    notes = Notes()
    for position, raw in enumerate(items):
        aside = Notes()
        try:
            rows.append(_row(endpoint, raw, aside))
            positions.append(position)
        except Unreadable as error:
            # With its whole, a part is set aside only once.
            rejects.append(Reject(position, None, None, error.reason, raw))
            continue
        notes.fields += aside.fields
        if aside.parts:
            parent = ":".join(map(str, title_key(rows[-1])))
            rejects += [Reject(position, part.path, parent, part.reason, part.raw.encode()) for part in aside.parts]
    return _told(endpoint, rows, positions, rejects, notes, [msgspec.json.encode(row) for row in rows])


def understand(endpoint: Endpoint, items: list[bytes]) -> Understood:
    """The quick way where it leads to the end, else the patient one."""
    return understand_at_once(endpoint, items) or understand_one_by_one(endpoint, items)


def rewritten(endpoint: Endpoint, items: list[bytes]) -> list[bytes]:
    """Items in good order, as JSON without anything but what was understood."""
    return [msgspec.json.encode(row) for row in _rows(endpoint, items)]


def _told(
    endpoint: Endpoint,
    rows: list[Any],
    positions: Sequence[int],
    rejects: list[Reject],
    notes: Notes,
    cleaned: list[bytes] | None,
) -> Understood:
    keys = [endpoint.key(row) for row in rows]
    kept = rows if endpoint.limit is None else []
    told = Understood(keys, positions, rejects, cleaned, kept, newest_of(endpoint, rows))
    if endpoint.plays is not None:
        told.titles = [title_key(row) for row in rows]
        told.plays = [endpoint.plays(row) for row in rows]
        told.names = {title: title_name(row) for title, row in dict(zip(told.titles, rows, strict=True)).items()}
    for path, example in notes.fields:
        told.unreadable[path] += 1
        told.examples.setdefault(path, example)
    return told


def _decoders(items: Sequence[type]) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    # A decoder of one thread may hold a type that another one is still making ready: it would read from nowhere.
    with _making_ready:
        return _made(items)


@cache
def _made(items: Sequence[type]) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    item: Any = Union[tuple(items)]  # noqa: UP007 - built from a tuple
    return msgspec.json.Decoder(list[item]), msgspec.json.Decoder(item)


def _rows(endpoint: Endpoint, items: list[bytes]) -> list[Any]:
    whole, _ = _decoders(endpoint.items)
    rows: list[Any] = whole.decode(_inside_the_calendar(b"[" + b",".join(items) + b"]"))
    return rows


def _row(endpoint: Endpoint, raw: bytes, notes: Notes) -> Any:
    _, single = _decoders(endpoint.items)
    try:
        return single.decode(_inside_the_calendar(raw))
    except DISORDER:
        pass
    try:
        value = json.loads(raw)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError:
        raise Unreadable("not to be read as JSON") from None
    return clean(value, endpoint.items, notes)


def _inside_the_calendar(text: bytes) -> bytes:
    """Leave to the cleaner what an offset may carry beyond the first and the last day there is."""
    if any(edge in text for edge in EDGES):
        raise ValueError("a date at the edge of the calendar")
    return text
