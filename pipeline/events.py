"""Every event of a run, as it stands in the journal: a fact in the past tense, immutable.

An event names the run and the files it is about; a stage takes one and gives the next.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Mode = Literal["update", "new", "overwrite"]
Source = Literal["api", "export", "replay"]
Outcome = Literal["read", "newest", "unchanged", "refused", "implausible", "failed"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=False):
    """What all events say: which run, and when (`2025-01-31T20:15:00Z`)."""

    run_id: str
    at: str


class ImportRequested(Event, frozen=True, kw_only=True, tag=True):
    """Somebody asked for an import; every option that later stages need."""

    user: str
    user_id: str | None = None
    source: Source = "api"
    mode: Mode = "update"
    dry_run: bool = False
    full: bool = False
    add_missing: bool = False
    accept_empty: tuple[str, ...] = ()
    prune: bool = False
    night_id: str | None = None


class EndpointRead(msgspec.Struct, frozen=True, kw_only=True):
    """How one endpoint was read in this run; counts are rows unless said otherwise.

    `fetched = staged + rejected` always; `duplicates` are rows of `staged` whose key came before.
    `announced_items` and `announced_pages` are what the last headers said, None without headers; `counted` are the rows
    by Trakt's statistics, None where they do not say.
    `outcome`: read (whole), newest (only as far as it is new: it joins the earlier reads), unchanged (not read, since
    nothing says that it changed), refused (`status` says how), implausible (kept out of the picture), or failed.
    """

    requests: int = 0
    announced_pages: int | None = None
    announced_items: int | None = None
    counted: int | None = None
    fetched: int = 0
    staged: int = 0
    rejected: int = 0
    duplicates: int = 0
    outcome: Outcome = "read"
    status: int | None = None


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """Something Trakt said that does not fit the rest: reported, never hidden, no error."""

    endpoint: str
    text: str
    title: str | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint's picture looked like, for the next run to tell cheaply whether it changed.

    `rows` are the distinct rows of the picture, `announced` what the last header counted, `newest` the latest date of
    a row (of `watching`: when it expires). `plays` are those of history, by the group of `stats` that counts them.
    `over_stats` and `over_announced`: by how much `stats` and the header counted more than came when history was last
    read as a whole.
    """

    rows: int = 0
    announced: int | None = None
    newest: str | None = None
    plays: dict[str, int] = {}
    over_stats: dict[str, int] = {}
    over_announced: int = 0


class Extracted(Event, frozen=True, kw_only=True, tag=True):
    """The profile is staged. `inputs` is what the picture stands on: endpoint to run ids, base first.

    `full_read_at` is when everything was last read in full; `marks` are what the next probe is held against.
    """

    user_id: str
    trakt_username: str
    trakt_slug: str
    trakt_user_id: int | None
    inputs: dict[str, tuple[str, ...]]
    endpoints: dict[str, EndpointRead]
    stats: dict[str, Any] | None = None
    doubts: tuple[Doubt, ...] = ()
    requests: int = 0
    waited_seconds: float = 0.0
    full_read_at: str | None = None
    marks: dict[str, Mark] = {}


class Transformed(Event, frozen=True, kw_only=True, tag=True):
    """Trakt's side of every row lies in `resolved/<table>/batch=<batch_id>`."""

    batch_id: str
    catalog_snapshot: str
    rows: dict[str, int]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one table's resolved rows; their sum is the number of resolved rows."""

    resolved: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    left_alone: int = 0
    deleted_here: int = 0


class Loaded(Event, frozen=True, kw_only=True, tag=True):
    """The rows are committed (or, in a dry run, would be); counts are titles.

    `unchanged_since` names the run whose rows stand, where nothing was there to transform and load, `catalog_snapshot`
    what they were resolved against.
    """

    batch_id: str
    imported_count: int
    skipped_count: int
    error_count: int
    tables: dict[str, Counts]
    dry_run: bool = False
    unchanged_since: str | None = None
    catalog_snapshot: str | None = None


class Reported(Event, frozen=True, kw_only=True, tag=True):
    """The report lies in `reports/<run_id>.json`."""

    balanced: bool


class PutBack(msgspec.Struct, frozen=True, kw_only=True):
    """What an undo did to the rows of one table that the run had inserted, updated, deleted; those it left as they are."""

    removed: int = 0
    restored: int = 0
    brought_back: int = 0
    left: int = 0


class Undone(Event, frozen=True, kw_only=True, tag=True):
    """What the run wrote is put back, in the database that is; `last_run_id` is the user's baseline now."""

    tables: dict[str, PutBack]
    last_run_id: str | None


class ImportFailed(Event, frozen=True, kw_only=True, tag=True):
    """The run ended early; `stage` is the last event that stands, `requests` were made to read what came to nothing."""

    stage: str
    error: str
    hint: str
    exit_code: int
    requests: int = 0


# After one of these nothing of the run is left to be done.
Ended = Reported | Undone
AnyEvent = ImportRequested | Extracted | Transformed | Loaded | Reported | Undone | ImportFailed
