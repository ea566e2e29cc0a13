"""The Arrow schema of a staged file, derived from the declaration of its items."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa

from stages.extract.cleaning import bare, kind_of
from stages.extract.schema import Kind

INSTANT = pa.timestamp("us", tz="UTC")
# What every staged row tells beside its own columns: where it came from.
ORIGIN = (
    pa.field("page", pa.int64()),
    pa.field("position", pa.int64()),
    pa.field("fetched_at", INSTANT),
    pa.field("raw", pa.string()),
    pa.field("trakt_slug", pa.string()),
    pa.field("run_id", pa.string()),
)
REJECTED = pa.schema(
    [
        pa.field("endpoint", pa.string()),
        pa.field("page", pa.int64()),
        pa.field("position", pa.int64()),
        pa.field("path", pa.string()),
        pa.field("parent", pa.string()),
        pa.field("reason", pa.string()),
        *ORIGIN[2:],
    ]
)
_TYPES = {
    Kind.IMDB: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: INSTANT,
}


@cache
def columns(items: Sequence[type]) -> pa.Schema:
    """The typed columns of an endpoint: those of all its item types, one column for each name."""
    found: dict[str, pa.DataType] = {}
    for item in items:
        found |= {name: found.get(name, kind) for name, kind in _fields(item)}
    return pa.schema(list(found.items()))


@cache
def staged(items: Sequence[type]) -> pa.Schema:
    """All columns of an endpoint's staged files."""
    return pa.schema([*columns(items), *ORIGIN])


@cache
def renames(items: Sequence[type]) -> bool:
    """Whether a column has another name than its field: `3d` is `is_3d`."""
    return "is_3d" in columns(items).to_string()


def _fields(struct: type) -> list[tuple[str, pa.DataType]]:
    hints = get_type_hints(struct, include_extras=True)
    fields = [(field.name, _type(hints[field.name])) for field in msgspec.structs.fields(struct)]
    if struct.__struct_config__.tag is not None:  # type: ignore[attr-defined]
        fields.append(("type", pa.string()))
    return fields


def _type(hint: Any) -> pa.DataType:
    hint = bare(hint)
    if get_origin(hint) is list:
        return pa.list_(_type(get_args(hint)[0]))
    if (kind := kind_of(hint)) is not None:
        return _TYPES.get(kind, pa.int64())
    return pa.struct([pa.field(name, inner) for name, inner in _fields(hint)])
