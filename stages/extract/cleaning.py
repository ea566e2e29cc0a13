"""One item that is not in good order: what can be read of it, and what cannot.

Slow and patient where the strict decoder is fast: it never raises but `Unreadable`, whatever JSON it meets. The
smallest part that cannot be read is set aside alone, a field that cannot be read becomes null.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import types
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from stages.extract.schema import LARGEST, MOST, Kind, TitleIds

REQUIRED = {Kind.KEY: "no usable id of the row", Kind.NUMBER: "no usable number", Kind.SCORE: "no usable rating"}
NOTHING = (None, "", 0, "0")


class Unreadable(Exception):
    """The item or part cannot be told: `reason` in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Part(NamedTuple):
    """A nested element set aside: where it lay (`seasons[0].episodes[2]`), why, and its JSON."""

    path: str
    reason: str
    raw: str


class Notes:
    """What cleaning left out of one or more items: whole parts, and single fields (path and an example)."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.fields: list[tuple[str, str]] = []


def clean(value: Any, items: Sequence[type], notes: Notes) -> Any:
    """An instance of one of the item types, from any JSON value; fields that cannot be read are None.

    Raises `Unreadable` where it cannot be told what the item is about.
    """
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    return _struct(value, _variant(value, items), "", notes)


def _variant(value: dict[str, Any], items: Sequence[type]) -> type:
    if len(items) == 1:
        return items[0]
    named = value.get("type")
    for item in items:
        if named == item.__struct_config__.tag:  # type: ignore[attr-defined]
            return item
    raise Unreadable("no type" if named is None else f"unknown type {_shown(named)}")


class _Field(NamedTuple):
    name: str
    key: str
    required: bool
    read: Callable[[Any, str, Notes], Any]


@cache
def _plan(struct: type) -> tuple[_Field, ...]:
    hints = get_type_hints(struct, include_extras=True)
    return tuple(
        _Field(field.name, field.encode_name, field.required, _reader(hints[field.name]))
        for field in msgspec.structs.fields(struct)
    )


def _reader(hint: Any) -> Callable[[Any, str, Notes], Any]:
    hint = bare(hint)
    if get_origin(hint) is list:
        element = get_args(hint)[0]
        return lambda value, path, notes: _list(value, element, path, notes)
    if (kind := kind_of(hint)) is not None:
        return lambda value, path, notes: _plain(value, kind, path, notes)
    return lambda value, path, notes: _part(value, hint, path, notes)


def bare(hint: Any) -> Any:
    """A type without its `| None`."""
    if get_origin(hint) in (types.UnionType, Union):
        return next(option for option in get_args(hint) if option is not type(None))
    return hint


def kind_of(hint: Any) -> Kind | None:
    """The semantic type of a plain value, None for anything nested."""
    return next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Kind)), None)


def _struct(value: dict[str, Any], struct: type, path: str, notes: Notes) -> Any:
    is_title = issubclass(struct, TitleIds)
    read: dict[str, Any] = {}
    for field in _plan(struct):
        here = f"{path}.{field.key}" if path else field.key
        read[field.name] = field.read(value.get(field.key), here, notes)
        if read[field.name] is None and field.required and not is_title:
            raise Unreadable(f"no usable {here}")
    if is_title and not any(read.get(name) for name in ("trakt", "imdb", "tmdb", "tvdb")):
        raise Unreadable(f"no usable id of the {path.split('.')[0]}")
    return struct(**read)


def _part(value: Any, struct: type, path: str, notes: Notes) -> Any:
    if isinstance(value, dict):
        return _struct(value, struct, path, notes)
    if value is not None:
        notes.fields.append((path, _shown(value)))
    return None


def _list(value: Any, element: type, path: str, notes: Notes) -> list[Any]:
    if not isinstance(value, list):
        if value is not None:
            notes.fields.append((path, _shown(value)))
        return []
    read = []
    for place, part in enumerate(value):
        here = f"{path}[{place}]"
        try:
            if not isinstance(part, dict):
                raise Unreadable("not an object")
            read.append(_struct(part, element, here, notes))
        except Unreadable as error:
            notes.parts.append(Part(here, error.reason, json.dumps(part)))
    return read


def _plain(value: Any, kind: Kind, path: str, notes: Notes) -> Any:
    read = _READ[kind](value)
    if read is None:
        if kind in REQUIRED:
            raise Unreadable(REQUIRED[kind])
        if value is not None and not (kind in (Kind.ID, Kind.IMDB) and _is_nothing(value)):
            notes.fields.append((re.sub(r"\[\d+\]", "[]", path), _shown(value)))
    return read


def _is_nothing(value: Any) -> bool:
    return isinstance(value, str | int | float) and (value in NOTHING or str(value).strip() in ("", "0"))


def _whole(lowest: int, highest: int = LARGEST) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return value if lowest <= value <= highest else None

    return read


def _imdb(value: Any) -> str | None:
    found = value.strip().lower() if isinstance(value, str) else ""
    return found if re.fullmatch(r"tt[0-9]{5,}", found) else None


def _instant(value: Any) -> dt.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(value.strip().upper())
        return moment.astimezone(dt.UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    # A lone half of a surrogate pair is legal in JSON and in no text.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    return {"true": True, "1": True, "false": False, "0": False}.get(value) if isinstance(value, str) else None


_READ: dict[Kind, Callable[[Any], Any]] = {
    Kind.ID: _whole(1),
    Kind.KEY: _whole(1),
    Kind.COUNT: _whole(0, MOST),
    Kind.WHOLE: _whole(-LARGEST),
    Kind.NUMBER: _whole(0),
    Kind.SCORE: _whole(1, 10),
    Kind.IMDB: _imdb,
    Kind.INSTANT: _instant,
    Kind.TEXT: _text,
    Kind.FLAG: _flag,
}


def _shown(value: Any) -> str:
    """A value as a doubt names it: short, and plain ASCII."""
    shown = ascii(value) if isinstance(value, str | int | float | bool) and len(str(value)) < 1000 else "…"
    return shown if len(shown) <= 40 else f"{shown[:40]}…"
