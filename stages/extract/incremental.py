"""Read only what a plan names, and of history only what is new: the pages join those that were read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from pipeline.events import Extracted, Mark
from pipeline.storage import Storage
from stages.extract.endpoints import HISTORY, LARGEST_PAGE, LISTS, STATS, WATCHING, TitleKey
from stages.extract.paging import Reading, read_newest, read_until, together
from stages.extract.probe import WATCHED, Plan

if TYPE_CHECKING:
    from stages.extract.lists import Lists
    from stages.extract.reader import Reader


async def read_changed(lists: Lists, plan: Plan, last: Extracted, storage: Storage) -> None:
    """Read what changed; the outcome of every reader says how: read as a whole, its newest, or unchanged."""
    for reader in lists.readers.values():
        reader.outcome = "unchanged"
    if plan.stats is not None:
        await lists.keep(STATS, plan.stats)
    lists.stats_known.set()
    for name in plan.whole:
        lists.readers[name].outcome = "read"
    work = [lists.read_list(lists.readers[name]) for name in sorted(plan.whole)]
    if plan.plays:
        work.append(_read_plays(lists, plan, last, storage))
    await together(*work)


async def _read_plays(lists: Lists, plan: Plan, last: Extracted, storage: Storage) -> None:
    history = lists.readers[HISTORY.name]
    history.outcome = "newest"
    runs = last.inputs.get(HISTORY.name, ())
    known = await lists.desk.aside(_history_ids, storage, last.trakt_slug, runs)
    history.keys |= known
    await lists.ending(read_newest(history.ask, LARGEST_PAGE, history.reading), HISTORY)
    if history.outcome != "newest":
        return
    titles = set(history.plays)
    if not known or not _adds_up(history, lists.stats, last, plan.plays):
        # A play was added further down, or one is gone: only the whole tells which.
        history.keys -= known
        history.reading = Reading(lambda: len(history.keys))
        history.outcome, titles = "read", set()
        await lists.read_list(history)
    kinds = {kind for kind in WATCHED if WATCHED[kind].name not in plan.whole}
    kinds &= plan.plays | {kind for kind, _, _ in titles}
    await together(*(_read_watched(lists, kind, {title for title in titles if title[0] == kind}) for kind in kinds))


async def _read_watched(lists: Lists, kind: str, titles: set[TitleKey]) -> None:
    """The rows of these titles, which what is watched last brings to the top; without titles, all of them."""
    reader = lists.readers[WATCHED[kind].name]
    reader.outcome = "newest" if titles else "read"
    if not titles:
        await lists.read_list(reader)
        return
    limit = reader.endpoint.limit or LARGEST_PAGE
    work = read_until(reader.ask, limit, reader.reading, lambda: titles <= reader.keys)
    await lists.ending(work, reader.endpoint)


def _adds_up(history: Reader, stats: Any, last: Extracted, kinds: set[str]) -> bool:
    """Whether the plays that are known now are as many as Trakt counts, but for what it counted otherwise before.

    `stats` may lag behind the list, whose own header then agrees with what came.
    """
    mark = last.marks.get(HISTORY.name, Mark())
    fresh, counted = _plays(history), _counted(stats)
    ahead = {
        group: mark.plays.get(group, 0) + fresh[group] - (plays - mark.over_stats.get(group, 0))
        for group, plays in counted.items()
    }
    if counted and not any(ahead.values()):
        # Watched titles moved, plays did not, by number: one took the place of another.
        before = last.stats or {}
        return all(
            fresh[group] or (before.get(group) or {}).get("plays") != counted[group]
            for group in (GROUPS[kind] for kind in kinds)
            if group in counted
        )
    announced = history.reading.rows
    if announced is None or any(more < 0 for more in ahead.values()):
        return False
    return sum(mark.plays.values()) + fresh.total() == announced - mark.over_announced


GROUPS = {"movie": "movies", "show": "episodes"}


def _plays(history: Reader) -> Counter[str]:
    plays: Counter[str] = Counter(dict.fromkeys(GROUPS.values(), 0))
    for (kind, _, _), count in history.plays.items():
        plays[GROUPS[kind]] += count
    return plays


def _counted(stats: Any) -> dict[str, int]:
    found = {group: getattr(getattr(stats, group, None), "plays", None) for group in GROUPS.values()}
    return {group: plays for group, plays in found.items() if plays is not None}


def marks(readers: dict[str, Reader], stats: Any, before: dict[str, Mark]) -> dict[str, Mark]:
    """What the next probe is held against."""
    found = dict(before)
    for name, reader in readers.items():
        old = before.get(name, Mark())
        rows, announced = reader.distinct, reader.reading.rows
        plays = _plays(reader) if name == HISTORY.name else Counter[str]()
        if reader.outcome == "read":
            found[name] = Mark(
                rows=rows,
                announced=announced,
                newest=reader.newest,
                plays=dict(plays),
                over_stats={group: count - plays[group] for group, count in _counted(stats).items()} if plays else {},
                over_announced=0 if announced is None else announced - plays.total(),
            )
        elif reader.outcome == "newest":
            found[name] = Mark(
                rows=rows if name == HISTORY.name else max(old.rows, announced or 0),
                announced=old.announced if announced is None else announced,
                newest=max(old.newest or "", reader.newest or "") or None,
                plays=dict(plays + Counter(old.plays)),
                over_stats=old.over_stats,
                over_announced=old.over_announced,
            )
    return {name: found[name] for name in found if name in {endpoint.name for endpoint in LISTS} | {WATCHING.name}}


def _history_ids(storage: Storage, slug: str, run_ids: tuple[str, ...]) -> set[Hashable]:
    """The plays that the picture holds."""
    import pyarrow.parquet as pq

    found: set[Hashable] = set()
    for run_id in run_ids:
        for name in storage.staged(HISTORY.name, slug, run_id):
            found.update(pq.ParquetFile(storage.path(name)).read(["id"]).column("id").to_pylist())
    return found
