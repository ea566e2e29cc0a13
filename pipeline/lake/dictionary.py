"""The data dictionary as Markdown: `python -m pipeline.lake.dictionary > docs/dictionary.md` (make docs)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pyarrow as pa

from pipeline.lake.connection import Lake, about, ready_made
from pipeline.lake.datasets import leaves, schemas
from pipeline.meanings import CATALOGUE, LOADED, RESOLVED, STAGED, UNITS, Dataset
from pipeline.storage import Storage

INTRODUCTION = """# Data dictionary

Made from the schemas in code; do not edit it, run `make docs`.

Every dataset under `DATA_URL`, and every column. `trakt-import query` has a view of the same name for each, with `user`
(the profile) and `run` in front, as text; `latest_<name>` shows each user's last completed picture, one row per key,
without dry runs and without rows that are gone from Trakt. The same words lie in every Parquet file, as key-value
metadata (`dataset`, `about`, `source`, `key`, `columns`).

A name like `show.ids.trakt` is a field of the column `"show"`; `seasons[].number` is one of every element of a list.
Moments are UTC (Arrow `timestamp[us, UTC]`, DuckDB `timestamptz`). A column that an older file lacks reads as null.
A folder may hold `merged.parquet`, written by `compact`: it has the rows of all its page files, and replaces them.
"""
TYPES = {pa.string(): "text", pa.int64(): "whole number", pa.bool_(): "yes/no"}


def dictionary() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, datasets in (
        ("Staged: what Trakt answered", STAGED),
        ("Resolved: Trakt's side of every row", RESOLVED),
        ("Loaded: what load did", LOADED),
        ("The catalogue", CATALOGUE),
    ):
        parts.append(f"## {title}\n")
        parts += ["\n".join(_section(name, dataset)) for name, dataset in datasets.items()]
    parts.append("## Further views\n")
    lake = Lake(Storage(Path(gettempdir()) / "no-such-folder"))
    parts += ["\n".join(_view(lake, name)) for name in ("events", *ready_made())]
    return "\n".join(parts)


def _section(name: str, dataset: Dataset) -> Iterator[str]:
    yield from (f"### {name}\n", dataset.about, "")
    yield from (f"- files: `{dataset.files}`", f"- source: {_source(dataset.source)}", f"- key: {dataset.key}", "")
    yield from ("| column | type | unit | meaning |", "|---|---|---|---|")
    for path, kind in leaves(schemas()[name]):
        moment = pa.types.is_timestamp(kind)
        unit = "UTC" if moment else UNITS.get(path.rpartition(".")[2], "")
        told = "moment" if moment else TYPES[kind]
        yield f"| `{path}` | {told} | {unit} | {dataset.columns[path]} |"
    yield ""


def _source(source: str) -> str:
    return f"`{source}`" if source.startswith("GET") else source


def _view(lake: Lake, name: str) -> Iterator[str]:
    columns = lake.connection.execute(f"describe {name}").fetchall()
    yield from (f"### {name}\n", about(name), "")
    yield from (", ".join(f"`{column}` {kind.lower()}" for column, kind, *_ in columns), "")


if __name__ == "__main__":
    sys.stdout.write(dictionary())
