"""One endpoint being read: it asks, has the answers staged aside from the event loop, and keeps the tally."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Hashable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pipeline.clock import Clock
from pipeline.errors import RateLimited, Unavailable
from pipeline.events import EndpointRead
from stages.extract.client import Answer, Client, Refused
from stages.extract.endpoints import Endpoint, TitleKey
from stages.extract.paging import Page, Reading
from stages.extract.source import Source

if TYPE_CHECKING:
    from stages.extract.staging import Staged


class Progress(Protocol):
    """What a display is told while the reading goes on."""

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """So many answers of how many announced pages are staged, with so many rows."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A request will wait so long, for the rate limit or before it is tried again."""


@dataclass(slots=True)
class Desk:
    """What all readers of a run share. `source` is known once the profile has answered."""

    client: Client
    clock: Clock
    aside: Executor
    source: asyncio.Future[Source]
    progress: Progress
    # Answers travelling or waiting to be staged: what keeps memory constant.
    in_hand: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(64))


class Reader:
    """Reads one endpoint of one user. `rows` are kept only where the answer is not paged."""

    def __init__(self, endpoint: Endpoint, user_path: str, desk: Desk) -> None:
        self.endpoint = endpoint
        self.reading = Reading(lambda: len(self.keys))
        self.keys: set[Hashable] = set()
        self.plays: Counter[TitleKey] = Counter()
        self.names: dict[TitleKey, str] = {}
        self.rows: list[Any] = []
        self.unreadable: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.outcome: Literal["read", "refused", "implausible", "failed"] = "read"
        self.status: int | None = None
        self.private = False
        self.failure: RateLimited | Unavailable | None = None
        self._path = user_path + endpoint.path
        self._desk = desk
        self._asked = self._answered = self._staged = self._rejected = self._duplicates = 0

    @property
    def distinct(self) -> int:
        """Rows by key; a rejected row counts as itself."""
        return len(self.keys)

    async def ask(self, page: int, limit: int, below: str = "") -> Page:
        """Ask for one page of so many rows, optionally of a path below the endpoint's, and stage it."""
        async with self._desk.in_hand:
            params: dict[str, str | int] = {**self.endpoint.params, "page": page, "limit": limit}
            return await self._take(page, limit, self._path + below, params)

    async def ask_once(self) -> None:
        """Ask for an answer that is not paged, and stage it."""
        self.reading.note(await self._take(1, 1, self._path, self.endpoint.params))

    def refuse(self, refusal: Refused) -> None:
        """Trakt said no to this endpoint."""
        self.outcome, self.status, self.private = "refused", refusal.status, refusal.private

    def fail(self, failure: RateLimited | Unavailable) -> None:
        """This endpoint stays down; the others go on."""
        self.outcome, self.failure = "failed", failure

    def figures(self) -> EndpointRead:
        """How it was read, for the event."""
        return EndpointRead(
            requests=self._answered,
            announced_pages=self.reading.pages,
            announced_items=self.reading.rows,
            fetched=self._staged + self._rejected,
            staged=self._staged,
            rejected=self._rejected,
            duplicates=self._duplicates,
            outcome=self.outcome,
            status=self.status,
        )

    async def _take(self, page: int, limit: int, path: str, params: Mapping[str, str | int]) -> Page:
        number = self.next_number()
        answer = await self._desk.client.get(path, params, paged=self.endpoint.limit is not None)
        return await self.keep(answer, number, page, limit)

    def next_number(self) -> int:
        """The number of one more request, and of the file of its answer."""
        self._asked += 1
        return self._asked

    async def keep(self, answer: Answer, number: int, page: int = 1, limit: int = 1) -> Page:
        """Stage the answer to request `number`, once it is known whose it is."""
        fetched_at = self._desk.clock.utc()
        # Shielded: a page that is called off must not take the answer from all the others that wait for it.
        source = await asyncio.shield(self._desk.source)
        staged = await asyncio.get_running_loop().run_in_executor(
            self._desk.aside, _stage, self.endpoint, number, page, answer.items, fetched_at, source
        )
        new = self._count(staged)
        self._answered += 1
        taken = Page(
            items=len(answer.items),
            new=new,
            limit=answer.announced("limit") or limit,
            pages=answer.announced("page-count"),
            rows=answer.announced("item-count"),
        )
        self._desk.progress.pages(self.endpoint.name, self._answered, taken.pages, self._staged)
        return taken

    def _count(self, staged: Staged) -> int:
        before = len(self.keys)
        fresh = set(staged.keys) - self.keys
        self.keys |= fresh
        self._duplicates += len(staged.keys) - len(fresh)
        if staged.plays:
            for key in fresh:
                title, plays = staged.plays[key]
                self.plays[title] += plays
            self.names.update(staged.names)
        self.keys.update(staged.rejected)
        self._staged += len(staged.rows)
        self._rejected += len(staged.rejected)
        self.unreadable += staged.unreadable
        self.examples = {**staged.examples, **self.examples}
        if self.endpoint.limit is None:
            self.rows = staged.rows
        return len(self.keys) - before


def load_staging() -> None:
    """Load what staging needs, aside, while the first pages travel."""
    import stages.extract.staging  # noqa: F401


def _stage(
    endpoint: Endpoint, number: int, page: int, items: list[bytes], fetched_at: dt.datetime, source: Source
) -> Staged:
    from stages.extract.staging import stage

    return stage(endpoint, number, page, items, fetched_at, source)
