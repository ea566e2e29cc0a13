"""What comes of comparing a batch with the database, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.events import Counts, Extracted, ImportRequested, Transformed

if TYPE_CHECKING:
    import pyarrow as pa

Batch = Sequence[tuple[ImportRequested, Extracted, Transformed]]


@dataclass
class Writes:
    """The rows of one table that are to be written, as the database takes them."""

    inserts: pa.Table | None = None
    changes: pa.Table | None = None
    """Updates and deletes (`deleted`), each with the row as it was compared (`was_…`)."""
    fresh: str = ""
    """The query for rows of users who have none, inserted as they come out of the files."""


@dataclass
class Comparison:
    """What comes of comparing a batch with the database; `bases` by run number, `counts` by run number and table.

    `fresh` gives the fresh rows of one table after another.
    """

    bases: list[str | None]
    writes: dict[str, Writes] = field(default_factory=dict)
    fresh: Callable[[], Iterator[pa.RecordBatchReader]] = lambda: iter(())
    added_titles: pa.Table | None = None
    counts: dict[int, dict[str, Counts]] = field(default_factory=dict)
    titles: dict[int, dict[str, int]] = field(default_factory=dict)
