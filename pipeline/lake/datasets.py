"""The Arrow schema of every dataset under `DATA_URL`: what a reader finds in the files, old ones filled with nulls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import pyarrow as pa

from stages.database import TITLES, Kind
from stages.extract import arrow
from stages.extract.endpoints import ENDPOINTS
from stages.load.tables import TABLES

TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "number": pa.int64(),
    "flag": pa.bool_(),
    "moment": arrow.INSTANT,
}
RUN: dict[str, Kind] = {"trakt_slug": "text", "run_id": "text"}
MARKS: dict[str, Kind] = {"carried": "flag", "gone": "flag", "moved": "flag", "left_alone": "flag"}
FATE: dict[str, Kind] = {"fate": "text"}
OUTCOMES: dict[str, Kind] = {
    "user_id": "text",
    "title": "number",
    "kind": "text",
    "trakt_id": "number",
    "imdb_id": "text",
    "tmdb_id": "number",
    "tvdb_id": "number",
    "name": "text",
    "year": "number",
    "title_id": "text",
    "matched_by": "text",
    "conflict": "text",
    "ambiguous": "text",
    "added": "flag",
    "evidence": "text",
    "status": "text",
    "reason": "text",
    "merged": "text",
    "plays": "number",
    "known_before": "flag",
    "title_id_before": "text",
    "last_title_id": "text",
}
LOADED: dict[str, Kind] = {
    "user_id": "text",
    "kind": "text",
    "trakt_id": "number",
    "title": "number",
    "name": "text",
    "title_id": "text",
    "outcome": "text",
    "kept": "text",
}
KEPT: dict[str, Kind] = {
    "user_id": "text",
    "table": "text",
    "title_id": "text",
    "season": "number",
    "episode": "number",
    "history_id": "number",
    "column": "text",
    "ours": "text",
    "theirs": "text",
    "ours_at": "moment",
    "theirs_at": "moment",
    "why": "text",
}


def _schema(columns: Mapping[str, Kind]) -> pa.Schema:
    return pa.schema([pa.field(name, TYPES[kind]) for name, kind in columns.items()])


@cache
def schemas() -> dict[str, pa.Schema]:
    """Every dataset by name."""
    found = {endpoint.name: arrow.staged(endpoint.items) for endpoint in ENDPOINTS} | {"rejected": arrow.REJECTED}
    for table in TABLES:
        dated: dict[str, Kind] = {"status_at": "moment"} if "status" in table.values else {}
        found[table.name] = _schema(table.key | table.values | dated | MARKS | RUN)
        was = {"was_run_id" if name == "run_id" else name: kind for name, kind in table.columns.items()}
        became = pa.field("became", pa.struct(_schema(table.values)))
        found[f"before_{table.name}"] = pa.schema([*_schema(FATE | was), became, *_schema(RUN)])
    return found | {
        "outcomes": _schema(OUTCOMES | RUN),
        "loaded_outcomes": _schema(LOADED | RUN),
        "loaded_kept": _schema(KEPT | RUN),
        "added_titles": _schema(TITLES | RUN),
        "titles": _schema(TITLES),
        "ambiguous_titles": _schema({"title_id": "text"}),
    }


def leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Every column that holds a plain value, as `show.ids.trakt` or `seasons[].number`, with its type."""
    for field in schema:
        yield from _leaves(field.name, field.type)


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    if pa.types.is_list(kind):
        yield from _leaves(f"{path}[]", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path, kind
