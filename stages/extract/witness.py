"""The dates of all plays in two requests: a second witness for the plays that history brought, never a source.

`extended=min` of the watched lists gives, for each title, the dates of its plays: `{"<movie>": [dates]}` and
`{"<show>": {"<season>": {"<episode>": [dates]}}}`, by Trakt's ids (Trakt's published contracts, 2026). Whether it is
granted for another's profile, and whether it is paged there, is not settled. So it is asked for once for each list, on
full readings only; no answer, a refusal or another shape is no witness and no error, and of an answer cut into pages
the titles that came are witnesses. What differs becomes a doubt for each title; the answer itself holds nothing that is
not in the staged history, and is not staged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.events import Doubt
from stages.extract.endpoints import HISTORY, WATCHED_MOVIES, WATCHED_SHOWS, Endpoint, TitleKey

if TYPE_CHECKING:
    from stages.extract.client import Guest
    from stages.extract.reader import Reader

Dates = list[msgspec.Raw]
SHAPES: Mapping[str, Any] = {
    WATCHED_MOVIES.name: dict[str, Dates],
    WATCHED_SHOWS.name: dict[str, dict[str, dict[str, Dates]]],
}
# As many titles as Trakt's own web app asks for; a limit that is too large is clamped, not refused.
PARAMS: Mapping[str, str | int] = {"extended": "min", "specials": "true", "page": 1, "limit": 10_000}
# Seconds that a reading waits for its witness.
LONGEST = 30.0


async def ask(client: Guest, path: str, endpoint: Endpoint) -> dict[TitleKey, int]:
    """How many dates Trakt gives for each title of a watched list of the user at `path`; empty without an answer."""
    try:
        async with asyncio.timeout(LONGEST):
            answer = await client.get(path + endpoint.path, PARAMS, patience=0)
    except Exception:  # whatever it is, the reading goes on without a witness
        return {}
    return counted(answer.items[0], endpoint) if answer.items else {}


def counted(body: bytes, endpoint: Endpoint) -> dict[TitleKey, int]:
    """The number of dates by title; empty where the body has another shape."""
    try:
        titles = msgspec.json.decode(body, type=SHAPES[endpoint.name])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return {}
    kind = "movie" if endpoint is WATCHED_MOVIES else "show"
    return {
        (kind, "trakt", int(number)): _length(dates)
        for number, dates in titles.items()
        if number.isascii() and number.isdigit() and len(number) < 19
    }


def _length(dates: Any) -> int:
    return sum(map(_length, dates.values())) if isinstance(dates, dict) else len(dates)


def differences(dates: Mapping[TitleKey, int], readers: Mapping[str, Reader]) -> Iterator[Doubt]:
    """The titles with another number of dates than of plays in history, where the watched row does not tell already."""
    history, movies, shows = (readers[one.name] for one in (HISTORY, WATCHED_MOVIES, WATCHED_SHOWS))
    if history.outcome != "read":
        return
    own = {**movies.plays, **shows.plays}
    names = {**history.names, **movies.names, **shows.names}
    for title, count in sorted(dates.items(), key=repr):
        seen = history.plays[title]
        told = own.get(title) == count > seen
        if count != seen and not told:
            kind, _, number = title
            text = f"{kind} {number}: {count} dates of plays by extended=min, {seen} plays in history"
            yield Doubt(endpoint=HISTORY.name, text=text, title=names.get(title) or f"{kind} {number}")
