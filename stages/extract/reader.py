"""One endpoint being read: it asks, has the answers staged aside from the event loop, and keeps the tally."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pipeline.clock import Clock
from pipeline.errors import RateLimited, Unavailable
from pipeline.events import EndpointRead, Outcome
from stages.extract.client import Answer, Guest, Refused
from stages.extract.earlier import Changed, Earlier
from stages.extract.endpoints import Endpoint, TitleKey
from stages.extract.paging import Page, Reading
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.understanding import Understood, understand_at_once, understand_one_by_one

T = TypeVar("T")
# Of the event loop: so many until a connection that came free has sent its next request.
TURNS = 3


class Progress(Protocol):
    """What a display is told while the reading goes on."""

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """So many answers of how many announced pages have come, with so many rows."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A request will wait so long, for the rate limit or before it is tried again."""


@dataclass(slots=True)
class Desk:
    """What all readers of a run share. `source` is known once the profile has answered.

    Memory is constant: so many answers are `in_hand` (travelling, being understood), so many on the `shelf` (to be
    staged). `failure` is what staging one of them met.
    """

    client: Guest
    clock: Clock
    threads: Executor
    source: asyncio.Future[Source]
    progress: Progress
    in_hand: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(48))
    shelf: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))
    decoding: asyncio.Lock = field(default_factory=asyncio.Lock)
    unstaged: set[asyncio.Future[None]] = field(default_factory=set)
    failure: BaseException | None = None

    async def aside(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do it in a thread, aside from the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)

    async def staging(self, name: str, *arguments: Any) -> Any:
        """Call a function of `staging`, which loads Arrow, aside."""
        return await self.aside(_staging, name, *arguments)

    async def stage(self, *arguments: Any) -> None:
        """Have an answer staged, and go on as soon as there is room for the next; raises what an earlier one met."""
        await self.shelf.acquire()
        if self.failure is not None:
            raise self.failure
        writing = asyncio.get_running_loop().run_in_executor(self.threads, _staging, "stage", *arguments)
        self.unstaged.add(writing)
        writing.add_done_callback(self._staged)

    def _staged(self, writing: asyncio.Future[None]) -> None:
        self.shelf.release()
        self.unstaged.discard(writing)
        if not writing.cancelled():
            self.failure = self.failure or writing.exception()

    async def all_staged(self) -> None:
        """Wait until every answer that has come is staged; raises what one of them met."""
        if self.unstaged:
            await asyncio.wait(self.unstaged)
        if self.failure is not None:
            raise self.failure


class Reader:
    """Reads one endpoint of one user. `rows` are kept only where the answer is not paged.

    `recalled` is how many answers the same run had staged before it was interrupted.
    """

    def __init__(self, endpoint: Endpoint, user_path: str, desk: Desk) -> None:
        self.endpoint = endpoint
        self.reading = Reading(lambda: len(self.keys))
        self.keys: set[Hashable] = set()
        self.plays: Counter[TitleKey] = Counter()
        self.names: dict[TitleKey, str] = {}
        self.rows: list[Any] = []
        self.raw: list[bytes] = []
        self.newest: str | None = None
        self.unreadable: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.outcome: Outcome = "read"
        self.status: int | None = None
        self.private = False
        self.failure: RateLimited | Unavailable | None = None
        self.recalled = 0
        self._earlier = Earlier(endpoint.limit)
        self._joining = asyncio.Lock()
        # The longest list is not to keep the others waiting.
        self._window = asyncio.Semaphore(32)
        self.user_path = user_path
        self._desk = desk
        self._asked = self._answered = self._fetched = self._staged = self._rejected = self._duplicates = 0

    @property
    def distinct(self) -> int:
        """Rows by key; a rejected row counts as itself."""
        return len(self.keys)

    @property
    def all_recalled(self) -> bool:
        """Whether nothing of it had to be asked for after an interruption."""
        return 0 < self.recalled == self._answered

    async def ask(self, page: int, limit: int, below: str = "") -> Page:
        """Ask for one page of so many rows, optionally of a path below the endpoint's, and stage it.

        Raises `Changed` where what was read before an interruption is of no use.
        """
        asked = Asked(page, limit, below)
        async with self._window, self._desk.in_hand:
            if self._earlier.ends_before(asked):
                await self._join(asked)
            return self._earlier.take(asked) or (await self._fetch(asked))[0]

    async def ask_once(self) -> None:
        """Ask for an answer that is not paged, and stage it."""
        asked = Asked()
        self.reading.note(self._earlier.take(asked) or (await self._fetch(asked))[0])

    async def recall(self) -> None:
        """Take up the answers that this run staged before it was interrupted."""
        source = self._desk.source.result()
        for number in await self._desk.staging("tidy", self.endpoint, source):
            request, items, staged = await self._desk.staging("recall", self.endpoint, number, source)
            if self.endpoint.limit is None:
                self.raw = items
            page = self._taken(request, staged)
            self._asked, self.recalled = number, self.recalled + 1
            if not request.asked.again:
                self._earlier.add(number, request.asked, page)

    async def _join(self, asked: Asked) -> None:
        """Ask for the last whole page again: has the list changed since? It closes the gap where rows only shifted."""
        async with self._joining:
            if not self._earlier.ends_before(asked):
                return
            joint = self._earlier.joint()
            if joint is None:
                self._earlier.drop()
                return
            page, number = joint
            request, _, before = await self._desk.staging("recall", self.endpoint, number, self._desk.source.result())
            known = set(self.keys)
            now, staged = await self._fetch(Asked(page, request.asked.limit, again=True))
            self.reading.note(now)
            keys = staged.all_keys()
            if keys == before.all_keys() and now.rows == request.told.rows:
                self._earlier.settle()
                return
            self._earlier.drop()
            goes_on = self.endpoint.newest_first and not known.isdisjoint(keys)
            where = f"read on from page {page}" if goes_on else "read again from the start"
            self.reading.doubts.append(f"the list changed while the import was interrupted: {where}")
            if not goes_on:
                raise Changed

    def refuse(self, refusal: Refused) -> None:
        """Trakt said no to this endpoint."""
        self.outcome, self.status, self.private = "refused", refusal.status, refusal.private

    def fail(self, failure: RateLimited | Unavailable) -> None:
        """This endpoint stays down; the others go on."""
        self.outcome, self.failure = "failed", failure

    def figures(self, counted: int | None) -> EndpointRead:
        """How it was read, for the event; `counted` are its rows by Trakt's statistics."""
        return EndpointRead(
            requests=self._answered,
            announced_pages=self.reading.pages,
            announced_items=self.reading.rows,
            counted=counted,
            fetched=self._fetched,
            staged=self._staged,
            rejected=self._rejected,
            duplicates=self._duplicates,
            outcome=self.outcome,
            status=self.status,
        )

    async def _fetch(self, asked: Asked) -> tuple[Page, Understood]:
        number = self.next_number()
        paged = self.endpoint.limit is not None
        params: dict[str, str | int] = dict(self.endpoint.params)
        if paged:
            params |= {"page": asked.page, "limit": asked.limit}
        answer = await self._desk.client.get(self.user_path + self.endpoint.path + asked.below, params, paged=paged)
        return await self.keep(answer, number, asked)

    def next_number(self) -> int:
        """The number of one more request, and of the file of its answer."""
        self._asked += 1
        return self._asked

    async def keep(self, answer: Answer, number: int, asked: Asked) -> tuple[Page, Understood]:
        """Stage the answer to request `number`, once it is known whose it is."""
        fetched_at = self._desk.clock.utc()
        if self.endpoint.limit is None:
            self.raw = answer.items
        # Shielded: a page that is called off must not take the answer from all the others that wait for it.
        source = await asyncio.shield(self._desk.source)
        announced = (answer.announced(name) for name in ("limit", "page-count", "item-count"))
        request = Request(asked, Told(len(answer.items), *announced))
        # Here and not aside: the decoder holds the interpreter, and threads that fight for it cost more than it does.
        items = answer.items
        async with self._desk.decoding:
            # Between two pages the loop turns, so that other answers are taken in and the next requests go out.
            for _ in range(TURNS):
                await asyncio.sleep(0)
            understood = understand_at_once(self.endpoint, items)
        if understood is None:
            understood = await self._desk.aside(understand_one_by_one, self.endpoint, items)
        await self._desk.stage(self.endpoint, number, request, items, understood, fetched_at, source)
        return self._taken(request, understood), understood

    def _taken(self, request: Request, understood: Understood) -> Page:
        new = self._count(understood)
        self._answered += 1
        told = request.told
        self._fetched += told.items
        self._desk.progress.pages(self.endpoint.name, self._answered, told.pages, self._staged)
        return Page(told.items, new, told.limit or request.asked.limit, told.pages, told.rows)

    def _count(self, understood: Understood) -> int:
        before = len(self.keys)
        keys, rejected = understood.keys, understood.rejected
        fresh = set(keys) - self.keys
        self.keys |= fresh
        self._duplicates += len(keys) - len(fresh)
        told = list(zip(understood.titles, understood.plays, strict=True))
        if told and len(fresh) < len(keys):
            by_key = dict(zip(keys, told, strict=True))
            told = [by_key[key] for key in fresh]
        for title, plays in told:
            self.plays[title] += plays
        self.names.update(understood.names)
        self.keys.update(rejected)
        self._staged += len(keys)
        self._rejected += len(rejected)
        self.unreadable += understood.unreadable
        self.examples = {**understood.examples, **self.examples}
        self.newest = max(self.newest or "", understood.newest or "") or None
        if self.endpoint.limit is None:
            self.rows = understood.rows
        return len(self.keys) - before


def load_staging() -> None:
    """Load what staging needs, aside, while the first pages travel."""
    import stages.extract.staging  # noqa: F401


def _staging(name: str, *arguments: Any) -> Any:
    from stages.extract import staging

    return getattr(staging, name)(*arguments)
