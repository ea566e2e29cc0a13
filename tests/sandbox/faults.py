"""Switches for everything that goes wrong with the live API.

Endpoints are named `profile`, `stats`, `history`, `watched_movies`, `watched_shows`, `watchlist`,
`collection_movies`, `collection_shows`, `ratings`, `watching`, `movie`, `show`. A switch that takes an
endpoint also takes a narrower name (`history_shows`, `ratings_episodes`, `watchlist_movies`), a wider one
(`watched`, `collection`) and `*` for all; the narrowest name that is present counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

Value = TypeVar("Value")

Action = int | str
"""What happens instead of an answer.

A number is that status. 429 has `Retry-After: 1`; `"429:7"` asks for 7 seconds; `"429-bare"` is the page of
the edge, without any header of the API. `"403html"` is the bot page of the edge. `"drop"` closes the
connection without an answer, `"cut"` in the middle of the body, `"truncated"` sends broken JSON with a
fitting length, `"html200"` a page with status 200, `"object200"` a JSON object instead of the list.
`"hang:2.5"` waits, then answers properly; `"trickle:0.01"` sends the proper answer in small pieces with
that pause; `"ok"` answers properly.
"""

PRIVACY = ("profile_flag", "classic_401", "empty_history", "forbidden_lists", "all_empty", "profile_404")
"""The ways in which a private account shows itself.

profile_flag: the profile says private, everything else is 401 with `X-Private-User: true`.
classic_401: everything is 401 with that header.
empty_history: the profile looks public, history is an empty list, stats 404, the other lists 403.
forbidden_lists: the profile looks public, stats 404, all lists 403 with a JSON body.
all_empty: the profile looks public, stats 404, all lists are empty.
profile_404: the profile and stats are 404, everything else is 401 with `X-Private-User: true`.
"""


@dataclass
class Faults:
    """What goes wrong, for one account (`account.faults`) or for the whole server (`Sandbox(faults=...)`).

    All switches are off at first and may be changed between requests. The account's switch goes before the
    server's.
    """

    page_lag: int | dict[str, int] = 0
    """The announced page count is so many pages behind, and the item count with it."""
    item_count_off: dict[str, int] = field(default_factory=dict)
    """Endpoint -> number added to the announced item count (and to the page count that follows from it)."""
    empty_page: dict[str, int | list[int]] = field(default_factory=dict)
    """Endpoint -> page (or pages) that answer `[]`; the rows move to the following page, nothing is lost."""
    short_pages: dict[str, dict[int, int]] = field(default_factory=dict)
    """Endpoint -> {page: rows it holds}; the rest moves to the following page, nothing is lost."""
    dropped_rows: dict[str, dict[int, int]] = field(default_factory=dict)
    """Endpoint -> {page: rows cut off after counting}; these rows are on no page of that size."""
    duplicate_rows: dict[str, int] = field(default_factory=dict)
    """Endpoint -> number of page borders at which the last row comes twice and the next row is missing.

    It befalls the page size that was asked for first; other page sizes (or none) get the truth."""
    no_pagination_headers: bool | set[str] = False
    """No X-Pagination headers at all: everywhere, or at the named endpoints."""
    empty_endpoint: set[str] = field(default_factory=set)
    """These endpoints answer `[]` with status 200, as if they held nothing."""
    stats_204: bool = False
    stats_404: bool = False
    privacy: str | None = None
    """One of PRIVACY."""
    deleted: str | None = None
    """"flag": the profile says deleted and everything else is 404; "412": everything is 412."""
    key_invalid: bool = False
    """Everything is 403 `Forbidden`, /movies/1 too."""
    edge_block: bool = False
    """Everything is 403 with the HTML page of the edge."""
    fail: dict[str, list[Action]] = field(default_factory=dict)
    """Endpoint -> actions that are used up, one for each request."""
    fail_always: dict[str, Action] = field(default_factory=dict)
    """Endpoint -> action for every request."""
    on_request: Callable[[str, int], None] | None = None
    """Called in the server's thread before an answer is prepared, with the endpoint and the page."""
    bound_limits: dict[str, int] = field(default_factory=dict, repr=False)
    """Which page size `duplicate_rows` befalls, by endpoint; filled by the first request."""

    def __post_init__(self) -> None:
        """Accept what JSON can hold: lists for sets, texts for page numbers."""
        if self.privacy is not None and self.privacy not in PRIVACY:
            raise ValueError(f"privacy is one of {', '.join(PRIVACY)}, not {self.privacy!r}")
        self.empty_endpoint = set(self.empty_endpoint)
        if not isinstance(self.no_pagination_headers, bool):
            self.no_pagination_headers = set(self.no_pagination_headers)
        for switch in (self.short_pages, self.dropped_rows):
            for name, pages in switch.items():
                switch[name] = {int(page): rows for page, rows in pages.items()}

    def action(self, names: Iterable[str]) -> Action | None:
        """The next action for a request that goes by these names; takes it off the list."""
        for name in names:
            if self.fail.get(name):
                return self.fail[name].pop(0)
        return named(self.fail_always, names)

    def lag(self, names: Iterable[str]) -> int:
        """How many pages the announced page count is behind."""
        return self.page_lag if isinstance(self.page_lag, int) else named(self.page_lag, names) or 0

    def short(self, names: Iterable[str]) -> dict[int, int]:
        """The pages that hold fewer rows than asked for, with the number they hold."""
        empty = named(self.empty_page, names) or []
        pages = [empty] if isinstance(empty, int) else empty
        return {**(named(self.short_pages, names) or {}), **dict.fromkeys(pages, 0)}

    def hides_paging(self, names: Iterable[str]) -> bool:
        """Whether the pagination headers are left out."""
        if isinstance(self.no_pagination_headers, bool):
            return self.no_pagination_headers
        return not self.no_pagination_headers.isdisjoint(names)

    def borders(self, names: Iterable[str], limit: int) -> int:
        """At how many page borders rows are duplicated for this page size."""
        for name in names:
            if name in self.duplicate_rows:
                bound = self.bound_limits.setdefault(name, limit)
                return self.duplicate_rows[name] if bound == limit else 0
        return 0


def named(switch: Mapping[str, Value], names: Iterable[str]) -> Value | None:
    """The value of the first of the names that the switch knows."""
    for name in names:
        if name in switch:
            return switch[name]
    return None
