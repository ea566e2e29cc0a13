"""Read only what a plan names, and of history only what is new: the pages join those that were read before."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from pipeline.events import Extracted, Mark
from pipeline.storage import Storage
from stages.extract.endpoints import HISTORY, LARGEST_PAGE, LISTS, WATCHING, TitleKey
from stages.extract.paging import Reading, read_newest, read_until, together
from stages.extract.probe import WATCHED, Plan

if TYPE_CHECKING:
    from stages.extract.reader import Reader
    from stages.extract.stage import _Run


async def read_changed(run: _Run, plan: Plan, last: Extracted) -> None:
    """Read what changed; the outcome of every reader says how: read as a whole, its newest, or unchanged."""
    for reader in run.readers.values():
        reader.outcome = "unchanged"
    if plan.stats is not None:
        await run._keep_stats(plan.stats)
    run.stats_known.set()
    for name in plan.whole:
        run.readers[name].outcome = "read"
    work = [run._read_list(run.readers[name]) for name in sorted(plan.whole)]
    if plan.plays:
        work.append(_read_plays(run, plan.plays, last))
    await together(*work)


async def _read_plays(run: _Run, kinds: set[str], last: Extracted) -> None:
    history = run.readers[HISTORY.name]
    history.outcome = "newest"
    runs = last.inputs.get(HISTORY.name, ())
    known = await asyncio.get_running_loop().run_in_executor(
        run.desk.aside, _history_ids, run.storage, last.trakt_slug, runs
    )
    history.keys |= known
    await run._ending(read_newest(history.ask, LARGEST_PAGE, history.reading), HISTORY.name)
    if history.outcome != "newest":
        return
    titles = set(history.plays)
    if not known or not _adds_up(history, run._stats(), last.marks.get(HISTORY.name, Mark())):
        # A play was added further down, or one is gone: only the whole tells which.
        history.keys -= known
        history.reading = Reading(lambda: len(history.keys))
        history.outcome, titles = "read", set()
        await run._read_list(history)
    kinds = kinds | {kind for kind, _, _ in titles}
    await together(*(_read_watched(run, kind, {title for title in titles if title[0] == kind}) for kind in kinds))


async def _read_watched(run: _Run, kind: str, titles: set[TitleKey]) -> None:
    """The rows of these titles, which what is watched last brings to the top; without titles, all of them."""
    reader = run.readers[WATCHED[kind].name]
    reader.outcome = "newest" if titles else "read"
    if not titles:
        await run._read_list(reader)
        return
    limit = reader.endpoint.limit or LARGEST_PAGE
    work = read_until(reader.ask, limit, reader.reading, lambda: titles <= reader.keys)
    await run._ending(work, reader.endpoint.name)


def _adds_up(history: Reader, stats: Any, mark: Mark) -> bool:
    """Whether the plays that are known now are as many as Trakt counts, but for what it counted otherwise before.

    `stats` may lag behind the list, whose own header then agrees with what came.
    """
    plays = sum(not isinstance(key, tuple) for key in history.keys)
    counted = figure(history, stats)
    expected = None if counted is None else counted - (mark.over_stats or 0)
    announced = history.reading.rows
    if plays == expected:
        return True
    if announced is None or (expected is not None and plays < expected):
        return False
    return plays == announced - (mark.over_announced or 0)


def figure(reader: Reader, stats: Any) -> int | None:
    """How many rows `stats` count of the endpoint."""
    from stages.extract.judgement import counted

    return counted(reader.endpoint, stats)


def marks(readers: dict[str, Reader], stats: Any, before: dict[str, Mark]) -> dict[str, Mark]:
    """What the next probe is held against."""
    found = dict(before)
    for name, reader in readers.items():
        old = before.get(name, Mark())
        rows, announced = reader.distinct, reader.reading.rows
        if reader.outcome == "read":
            counted = figure(reader, stats)
            found[name] = Mark(
                rows=rows,
                announced=announced,
                newest=reader.newest,
                over_stats=None if counted is None else counted - rows,
                over_announced=None if announced is None else announced - rows,
            )
        elif reader.outcome == "newest":
            found[name] = Mark(
                rows=rows if name == HISTORY.name else max(old.rows, announced or 0),
                announced=old.announced if announced is None else announced,
                newest=max(old.newest or "", reader.newest or "") or None,
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
