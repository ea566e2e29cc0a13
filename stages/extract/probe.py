"""Whether anything changed since the last good reads, and where, in as few requests as can tell.

`stats` counts plays, watched titles, ratings by value and, for some users, the collection; the newest item of the
watchlist and its count tell of additions there. What no probe sees (a date that was edited, an item that took the
place of another of its kind, notes) waits for the next full read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline.events import Extracted, Mark
from stages.extract.cleaning import Notes, Unreadable, clean
from stages.extract.client import Answer, Guest, Refused
from stages.extract.endpoints import (
    COLLECTION_MOVIES,
    COLLECTION_SHOWS,
    HISTORY,
    LISTS,
    RATINGS,
    STATS,
    WATCHED_MOVIES,
    WATCHED_SHOWS,
    WATCHLIST,
    Endpoint,
    newest_of,
)

Figures = Mapping[str, Any]
COLLECTIONS = (COLLECTION_MOVIES, COLLECTION_SHOWS)
# What may be read as a whole by itself: all but history.
OWN_LISTS = frozenset(endpoint.name for endpoint in LISTS if endpoint is not HISTORY)
NEWEST_LISTED = {"sort_by": "added", "sort_how": "desc"}
# What moves when a play comes or goes. Minutes and progress also move with the titles themselves.
PLAYS = {
    "movie": (("movies", "plays"), ("movies", "watched")),
    "show": (("shows", "watched"), ("episodes", "plays"), ("episodes", "watched")),
}
RATED = tuple((group, "ratings") for group in ("movies", "shows", "seasons", "episodes"))


@dataclass
class Plan:
    """What is to be read: lists as a whole, and of history (and the watched lists) what is new.

    `stats` is the answer to be staged, where anything is read; `plays` are the kinds of title whose plays moved.
    """

    stats: Answer | None = None
    whole: set[str] = field(default_factory=set)
    plays: set[str] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not self.whole and not self.plays


class _Unclear(Exception):
    """A probe is refused that was answered before: only a full reading can tell."""


async def look(client: Guest, path: str, last: Extracted, night: int) -> Plan | None:
    """What changed since `last`, by its figures and marks; None where only a full reading can tell.

    `night` is a number that grows by one each night: what is probed in turn goes by it.
    Raises `Unavailable`, `RateLimited`.
    """
    try:
        if last.stats is not None:
            plan = await _by_stats(client, path, last, last.stats, night)
        else:
            plan = await _by_stand_ins(client, path, last, night)
    except _Unclear:
        return None
    # What was refused or not believed may lack what the figures of that day counted already: no probe tells of it again.
    owed = {name for name, read in last.endpoints.items() if read.outcome in ("refused", "implausible")}
    plan.whole |= owed & OWN_LISTS
    if HISTORY.name in owed:
        plan.plays |= set(WATCHED)
    return plan


async def _by_stats(client: Guest, path: str, last: Extracted, before: Figures, night: int) -> Plan:
    asked = (WATCHLIST, *_in_turn(last, before, night))
    answer, moved = await asyncio.gather(
        _ask_stats(client, path),
        asyncio.gather(*(_moved(client, path, endpoint, last.marks) for endpoint in asked)),
    )
    try:
        now = figures_of(answer.items[0])
    except (Unreadable, ValueError, RecursionError):
        raise _Unclear from None
    plan = Plan(stats=answer)
    plan.plays = {kind for kind, figures in PLAYS.items() if _differ(before, now, figures)}
    if before.get("ratings") != now.get("ratings") or _differ(before, now, RATED):
        plan.whole.add(RATINGS.name)
    plan.whole |= {endpoint.name for endpoint in COLLECTIONS if _differ(before, now, endpoint.counted)}
    plan.whole |= {endpoint.name for endpoint, differs in zip(asked, moved, strict=True) if differs}
    return plan


async def _by_stand_ins(client: Guest, path: str, last: Extracted, night: int) -> Plan:
    asked = (HISTORY, WATCHED_MOVIES, WATCHED_SHOWS, RATINGS, WATCHLIST, *_in_turn(last, {}, night))
    answers = await asyncio.gather(*(_moved(client, path, endpoint, last.marks) for endpoint in asked))
    moved = {endpoint.name for endpoint, differs in zip(asked, answers, strict=True) if differs}
    plan = Plan(whole=moved - {HISTORY.name, WATCHED_MOVIES.name, WATCHED_SHOWS.name})
    plan.plays = {kind for kind, watched in WATCHED.items() if watched.name in moved}
    if HISTORY.name in moved and not plan.plays:
        plan.plays = set(WATCHED)
    return plan


WATCHED = {"movie": WATCHED_MOVIES, "show": WATCHED_SHOWS}


def _in_turn(last: Extracted, stats: Figures, night: int) -> list[Endpoint]:
    """One of the collections that hold something which `stats` does not count; the next one tomorrow."""
    uncounted = [
        endpoint
        for endpoint in COLLECTIONS
        if last.marks.get(endpoint.name, Mark()).rows and not any(_figure(stats, at) for at in endpoint.counted)
    ]
    return [uncounted[night % len(uncounted)]] if uncounted else []


async def _ask_stats(client: Guest, path: str) -> Answer:
    try:
        answer = await client.get(path + STATS.path)
    except Refused:
        raise _Unclear from None
    if not answer.items:
        raise _Unclear
    return answer


def figures_of(raw: bytes) -> dict[str, Any]:
    """The figures of an answer of `stats`: those that are staged, and how many ratings there are of each value."""
    said = json.loads(raw)
    stats: dict[str, Any] = msgspec.to_builtins(clean(said, STATS.items, Notes()))
    ratings = said.get("ratings")
    if isinstance(ratings, dict) and isinstance(ratings.get("distribution"), dict):
        stats["ratings"]["distribution"] = ratings["distribution"]
    return stats


async def _moved(client: Guest, path: str, endpoint: Endpoint, marks: Mapping[str, Mark]) -> bool:
    """Whether the count or the newest row of a list differ from what they were."""
    mark = marks.get(endpoint.name)
    order = NEWEST_LISTED if endpoint is WATCHLIST else {}
    try:
        answer = await client.get(path + endpoint.path, {**endpoint.params, **order, "page": 1, "limit": 1}, paged=True)
    except Refused:
        if mark is not None and mark.rows:
            raise _Unclear from None
        return False
    if mark is None or (mark.rows and not answer.items):
        raise _Unclear
    count = answer.announced("item-count")
    if count is not None and mark.announced is not None and count != mark.announced:
        return True
    if endpoint.dated is None:
        return False
    try:
        rows = [clean(json.loads(item), endpoint.items, Notes()) for item in answer.items]
    except (Unreadable, ValueError, RecursionError):
        return False
    return newest_of(endpoint, rows) != mark.newest


def _differ(before: Figures, now: Figures, figures: tuple[tuple[str, str], ...]) -> bool:
    return any(_figure(before, at) != _figure(now, at) for at in figures)


def _figure(stats: Figures, at: tuple[str, str]) -> int | None:
    figure: int | None = (stats.get(at[0]) or {}).get(at[1])
    return figure
