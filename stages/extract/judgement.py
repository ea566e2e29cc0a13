"""What to believe of what came: is the profile private, is an answer plausible, what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.events import Doubt, Extracted
from pipeline.journal import Journal
from pipeline.storage import Storage
from stages.extract.endpoints import (
    HISTORY,
    LISTS,
    WATCHED_MOVIES,
    WATCHED_SHOWS,
    Endpoint,
    TitleKey,
)
from stages.extract.reader import Reader

Readers = Mapping[str, Reader]
# Below so many rows a list may shrink to a half overnight without looking odd.
FEW = 20


class Before:
    """What the last good reads of this profile were; empty for a user who was never read."""

    def __init__(self, storage: Storage, last: Extracted | None) -> None:
        self.doubts = frozenset(last.doubts) if last else frozenset()
        self.inputs = dict(last.inputs) if last else {}
        self.marks = dict(last.marks) if last else {}
        self._storage = storage
        self._last = last

    def rows(self, endpoint: str) -> int:
        """The distinct rows of the endpoint's last good read."""
        if endpoint in self.marks:
            return self.marks[endpoint].rows
        runs = self.inputs.get(endpoint, ())
        for run_id in runs[:1]:
            for event in self._events(run_id):
                if isinstance(event, Extracted) and endpoint in event.endpoints:
                    read = event.endpoints[endpoint]
                    return read.staged - read.duplicates
        return 0

    def _events(self, run_id: str) -> list[Any]:
        if self._last is not None and self._last.run_id == run_id:
            return [self._last]
        return list(Journal(self._storage, run_id).events())


def counted(endpoint: Endpoint, stats: Any) -> int | None:
    """How many rows Trakt's statistics say the endpoint has; None where they do not say."""
    figures = [getattr(getattr(stats, group, None), name, None) for group, name in endpoint.counted]
    known = [figure for figure in figures if figure is not None]
    if not known or len(known) < len(figures) or (endpoint.zero_is_silence and not any(known)):
        return None
    total: int = sum(known)
    return total


def is_private(readers: Readers) -> bool:
    """Whether nothing is shown: every list refuses, or those that do not are empty while `stats` is refused.

    A private profile may answer 200 with an empty list instead of a refusal (seen in public issues, July 2026).
    """
    lists = [readers[endpoint.name] for endpoint in LISTS]
    if any(reader.private for reader in readers.values()) or all(reader.outcome == "refused" for reader in lists):
        return True
    shows_nothing = all(reader.outcome == "refused" or not reader.distinct for reader in lists)
    watching = readers["watching"]
    return shows_nothing and readers["stats"].outcome == "refused" and not watching.rows


def mark_implausible(readers: Readers, stats: Any, before: Before, accept_empty: tuple[str, ...]) -> list[Doubt]:
    """Mark the lists whose answer is not to be believed, and say why: nothing, or less than half, where rows were."""
    read = [readers[endpoint.name] for endpoint in LISTS if readers[endpoint.name].outcome == "read"]
    partly = any(readers[endpoint.name].outcome in ("newest", "unchanged") for endpoint in LISTS)
    nothing_at_all = not partly and not any(reader.distinct for reader in read)
    doubts = []
    for reader in read:
        name, now = reader.endpoint.name, reader.distinct
        good = before.rows(name)
        if name in accept_empty or good == 0:
            continue
        says = counted(reader.endpoint, stats)
        vanished = now == 0 and (bool(says) or nothing_at_all)
        if vanished or (good >= FEW and now * 2 < good and says != now):
            reader.outcome = "implausible"
            text = f"{now} rows came where the last good read had {good}: that one stands (--accept-empty {name})"
            doubts.append(Doubt(endpoint=name, text=text))
    return doubts


def shortages(reader: Reader, stats: Any) -> list[Doubt]:
    """The counts that say that rows are missing."""
    says = counted(reader.endpoint, stats) if reader.endpoint.trusted else None
    return [
        doubt
        for figure, doubt in ((reader.reading.rows, _announced(reader)), (says, _statistics(reader, says)))
        if figure is not None and figure > reader.distinct
    ]


def may_hide_rows(reader: Reader) -> bool:
    """Whether rows came twice that no header counts: pages are offsets, so others may not have come at all."""
    return reader.reading.rows is None and reader.reading.items > reader.distinct


def short_titles(readers: Readers) -> list[tuple[TitleKey, int, int]]:
    """Titles whose own plays exceed their plays in history: title, own plays, plays in history; worst first."""
    history = readers[HISTORY.name]
    if history.outcome != "read":
        return []
    own = {**readers[WATCHED_MOVIES.name].plays, **readers[WATCHED_SHOWS.name].plays}
    short = [(title, plays, history.plays[title]) for title, plays in own.items() if plays > history.plays[title]]
    return sorted(short, key=lambda entry: (entry[2] - entry[1], repr(entry[0])))


def title_doubt(readers: Readers, title: TitleKey, own: int, seen: int) -> Doubt:
    """One title whose plays are not all in history."""
    kind, _, number = title
    names = {**readers[WATCHED_MOVIES.name].names, **readers[WATCHED_SHOWS.name].names}
    text = f"{kind} {number}: {own} plays by Trakt's own figure, {seen} in history"
    return Doubt(endpoint=HISTORY.name, text=text, title=names.get(title) or f"{kind} {number}")


def doubts(readers: Readers, stats: Any, before: Before) -> Iterator[Doubt]:
    """Everything that does not fit, once all is read."""
    for name, reader in readers.items():
        if reader.outcome == "refused":
            stands = "the last good read stands" if name in before.inputs else "there is no earlier read of it"
            yield Doubt(endpoint=name, text=f"refused with {reader.status}: {stands}")
        if reader.outcome != "read":
            continue
        for text in reader.reading.doubts:
            yield Doubt(endpoint=name, text=text)
        for path, count in sorted(reader.unreadable.items()):
            rows = "once" if count == 1 else f"{count} times"
            yield Doubt(endpoint=name, text=f"{path} cannot be read, {rows}, such as {reader.examples[path]}")
        if reader.reading.rows is not None and reader.reading.rows != reader.distinct:
            yield _announced(reader)
        says = counted(reader.endpoint, stats)
        if says is not None and says != reader.distinct:
            yield _statistics(reader, says)
    yield from _plays(readers)


def _plays(readers: Readers) -> Iterator[Doubt]:
    lists = [readers[endpoint.name] for endpoint in (WATCHED_MOVIES, WATCHED_SHOWS, HISTORY)]
    if any(reader.outcome != "read" for reader in lists):
        return
    movies, shows, history = (reader.plays.total() for reader in lists)
    if movies + shows != history:
        text = f"watched movies and shows add up to {movies + shows} plays, history to {history}"
        yield Doubt(endpoint=HISTORY.name, text=text)
    for title, own, seen in short_titles(readers):
        yield title_doubt(readers, title, own, seen)


def _announced(reader: Reader) -> Doubt:
    return Doubt(endpoint=reader.endpoint.name, text=f"{reader.reading.rows} rows announced, {reader.distinct} came")


def _statistics(reader: Reader, says: int | None) -> Doubt:
    return Doubt(endpoint=reader.endpoint.name, text=f"stats count {says}, {reader.distinct} came")
