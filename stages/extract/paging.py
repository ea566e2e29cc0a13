"""From the first page of a list to the certainty that nothing is left: what to ask for, and when to stop.

Trakt's counts lag behind (84 pages announced, 88 there), pages in the middle may be short or empty, and pages are
offsets, not cursors, so rows may come twice or not at all (trakt-web pull request 3152 and trakt-api issue 760, 2026).
Hence neither a short page nor the announced number ends a reading alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

HARD_STOP = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """One staged answer: how many items it held, how many of their keys were new, and what its headers announced."""

    items: int
    new: int
    limit: int
    pages: int | None
    rows: int | None


class Ask(Protocol):
    """A question to one list."""

    def __call__(self, page: int, limit: int, /) -> Awaitable[Page]:
        """Ask for one page (from 1) of so many rows, stage it, and tell what it brought."""


@dataclass(slots=True)
class Reading:
    """What one reading of a list knows: the announced figures of the last headers, and what was left undone."""

    distinct: Callable[[], int]
    requests: int = 0
    items: int = 0
    pages: int | None = None
    rows: int | None = None
    doubts: list[str] = field(default_factory=list)

    def note(self, page: Page) -> Page:
        """Count an answer, and remember what it announced."""
        self.requests += 1
        self.items += page.items
        self.pages = page.pages if page.pages is not None else self.pages
        self.rows = page.rows if page.rows is not None else self.rows
        return page


async def read_all(ask: Ask, limit: int, reading: Reading, first: int = 1, *, newest_first: bool = False) -> None:
    """Read every page from `first` on: that one, the announced ones side by side, then on to the first empty one beyond.

    `newest_first` says that what is added meanwhile comes up on the first page: where it took more than one request,
    the first page is read again at the end and followed as far as it is new.
    """

    async def page(number: int) -> Page:
        return reading.note(await ask(number, limit))

    last = await page(first)
    read, announced, repeats, came = first, _announced(reading), 0, 0
    while True:
        if read < announced:
            pages = await together(*(page(number) for number in range(read + 1, announced + 1)))
            last, read = pages[-1], announced
            announced = min(HARD_STOP, max(announced, _announced(reading)))
            continue
        if read >= HARD_STOP:
            reading.doubts.append(f"reading was stopped after {HARD_STOP} pages")
            break
        if read > announced and last.items == 0:
            break
        if last.items < last.limit and reading.rows is not None and reading.distinct() == reading.rows:
            break
        repeats = repeats + 1 if read > announced and last.new == 0 else 0
        # One such page may be what rows added meanwhile have pushed down; a server that ignores `page` sends them all.
        if repeats > 1 or (repeats and last.items == reading.distinct()):
            reading.doubts.append(f"page {read}, beyond the {announced} announced, only repeats what came before")
            break
        if newest_first and read == announced:
            # Mostly there is nothing beyond, and then this was the end: the first page need not wait for it.
            last, top = await together(page(read + 1), page(1))
            came += top.new
            if last.items == 0 and came == 0:
                return
        else:
            last = await page(read + 1)
        read += 1
        announced = max(announced, _announced(reading))
    if newest_first and reading.requests > 1:
        for number in range(1, HARD_STOP):
            # Where the first page brought something a moment ago, the second may hold more of it.
            if (await page(number)).new == 0 and not (number == 1 and came):
                break


async def read_newest(ask: Ask, limit: int, reading: Reading) -> None:
    """Read a list that has the newest first, until a page brings something that was known before."""
    for number in range(1, HARD_STOP):
        page = reading.note(await ask(number, limit))
        if page.new < page.items or page.items == 0:
            break


async def read_until(ask: Ask, limit: int, reading: Reading, found: Callable[[], bool]) -> None:
    """Read page after page until what is looked for is found, or nothing is left."""
    for number in range(1, HARD_STOP):
        page = reading.note(await ask(number, limit))
        if found() or page.items == 0:
            break


def _announced(reading: Reading) -> int:
    return min(HARD_STOP, 1 if reading.pages is None else reading.pages)


async def read_again(ask: Ask, limit: int, reading: Reading) -> None:
    """Ask once more for all rows in pages of another size, so that other rows lie at the borders.

    Takes no more requests than the first reading did.
    """
    # Where nothing is announced, a row that came twice stands for one that did not come.
    allowed, rows = reading.requests, max(reading.rows or reading.items, reading.distinct())
    size = min(limit, max(1, -(-rows // allowed)))
    size = size if size != limit else max(1, limit - 1)
    await together(*(ask(number, size) for number in range(1, min(allowed, -(-rows // size)) + 1)))


async def together(*work: Awaitable[Any]) -> list[Any]:
    """The results of all; the first error stops the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_wait_for(one)) for one in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def _wait_for(work: Awaitable[Any]) -> Any:
    return await work
