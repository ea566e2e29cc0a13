"""The extract stage: a public profile, read in full, lies in `staged/`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from pipeline.clock import Clock
from pipeline.duck import warm_up
from pipeline.errors import PrivateProfile, RateLimited, Unavailable
from pipeline.events import Extracted, ImportRequested
from pipeline.journal import last_extracted
from pipeline.settings import Settings
from pipeline.storage import Storage
from stages.extract import judgement, witness
from stages.extract.client import Answer, Client, Guest, Refused
from stages.extract.earlier import Changed
from stages.extract.endpoints import ENDPOINTS, HISTORY, LARGEST_PAGE, LISTS, PROFILE, STATS, WATCHING, TitleKey
from stages.extract.incremental import marks, read_changed
from stages.extract.names import Name, asked_name
from stages.extract.paging import read_again, read_all, together
from stages.extract.probe import figures_of, look
from stages.extract.profile import OPEN_FOR_A_WHILE, Profile, introduced, meet, path_of
from stages.extract.reader import Desk, Progress, Reader, load_staging
from stages.extract.schedule import DAY, full_read_due
from stages.extract.source import Asked, Source, slug_of

# Writing waits for the disk, reading for the processor: two keep both busy.
THREADS = 2
# Seconds: the first requests are out by then.
LOAD_AFTER = 0.005


class Silent:
    """Progress that nobody watches."""

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """Say nothing."""

    def waiting(self, seconds: float, reason: str) -> None:
        """Say nothing."""


async def extract(
    request: ImportRequested,
    *,
    settings: Settings,
    storage: Storage,
    clock: Clock,
    on_profile: Callable[[Profile], str],
    known_slug: str | None = None,
    progress: Progress | None = None,
    resumed: bool = False,
    client: Client | None = None,
) -> Extracted:
    """Read what Trakt shows of `request.user`, one Parquet file for each answer: everything, or what has changed.

    `on_profile` is told who answered before anything is staged, and gives the application's id of the user; it may
    raise, and may be told twice. With `known_slug`, of a user on record, nothing waits for the profile, and where an
    earlier picture stands, only what differs from it is read, unless a full reading is asked for or due. `progress` is
    called on the event loop. `resumed` says that this run was interrupted here before: what it staged is not asked for
    again. `client` is one that is open already, shared by many runs.

    Raises `BadInput`, `NotFound`, `PrivateProfile`, `ConfigurationError`, `StorageError`; and, once all that can be
    staged is staged, `Unavailable` or `RateLimited`. Nothing half-written stays behind, also when cancelled.
    """
    name = asked_name(request.user)
    progress = progress or Silent()
    aside = ThreadPoolExecutor(THREADS, thread_name_prefix="staging")
    try:
        async with _opened(client, settings, clock, progress) as opened:
            loop = asyncio.get_running_loop()
            desk = Desk(Guest(opened), clock, aside, loop.create_future(), progress)
            run = _Run(request, storage, desk, name, known_slug)
            event = None if resumed and run.has_staged() else await run.look(on_profile, settings.full_read_days)
            if event is not None:
                return event
            loading = loop.call_later(LOAD_AFTER, aside.submit, load_staging)
            # Transform comes next: its engine is loaded while the pages travel.
            loop.call_later(LOAD_AFTER, warm_up)
            try:
                return await run.read(on_profile, resumed)
            finally:
                loading.cancel()
    finally:
        # What is being written is finished or gone before anybody goes on.
        aside.shutdown(wait=True, cancel_futures=True)


@asynccontextmanager
async def _opened(client: Client | None, settings: Settings, clock: Clock, progress: Progress) -> AsyncIterator[Client]:
    if client is not None:
        yield client
        return
    async with Client(settings, clock, progress.waiting) as own:
        yield own


class _Run:
    """One reading of one profile."""

    def __init__(
        self, request: ImportRequested, storage: Storage, desk: Desk, name: Name, known_slug: str | None
    ) -> None:
        self.request = request
        self.storage = storage
        self.desk = desk
        self.name = name
        self.known_slug = known_slug
        self.readers: dict[str, Reader] = {}
        self.before = judgement.Before(storage, None)
        self.stats_known = asyncio.Event()
        self.dates: dict[TitleKey, int] = {}

    async def look(self, on_profile: Callable[[Profile], str], every: int) -> Extracted | None:
        """Only what changed since the last good reads; None where everything is to be read."""
        if self.request.full or self.request.accept_empty or self.known_slug is None:
            return None
        last = last_extracted(self.storage, self.known_slug)
        now = self.desk.clock.now()
        if last is None or last.full_read_at is None or full_read_due(last.trakt_slug, last.full_read_at, now, every):
            return None
        profile = Profile(last.trakt_username, last.trakt_slug, last.trakt_user_id)
        user_id = on_profile(profile)
        plan = await look(self.desk.client, path_of(profile.slug), last, int(now // DAY))
        if plan is None:
            return None
        if plan.empty:
            return self._unchanged(last, user_id)
        warm_up()
        self._begin(last, profile.slug)
        await read_changed(self, plan, last)
        return await self._end(profile, user_id, last)

    def _unchanged(self, last: Extracted, user_id: str) -> Extracted:
        return msgspec.structs.replace(
            last,
            run_id=self.request.run_id,
            at=self.desk.clock.stamp(),
            user_id=user_id,
            endpoints={},
            requests=self.desk.client.requests,
            waited_seconds=round(self.desk.client.waited, 3),
        )

    def _begin(self, last: Extracted | None, slug: str) -> None:
        self.before = judgement.Before(self.storage, last)
        if not self.readers:
            self._prepare(path_of(slug))
        self.desk.source.set_result(Source(self.storage, slug, self.request.run_id))

    def has_staged(self) -> bool:
        """Whether this run staged anything before it was interrupted."""
        folder = f"user={self.known_slug}/run={self.request.run_id}"
        return any(self.storage.exists(f"staged/{endpoint.name}/{folder}") for endpoint in ENDPOINTS)

    async def read(self, on_profile: Callable[[Profile], str], resumed: bool) -> Extracted:
        """Everything, in the order that the answers allow."""
        asked = self.known_slug or self.name.asked
        if resumed:
            profile, user_id = await self._go_on(asked, on_profile)
        elif self.known_slug is None:
            profile, answer = await meet(self.desk.client, self.name, asked)
            user_id = self._welcome(profile, on_profile, path_of(profile.slug))
            await together(self._keep_profile(answer), *self._lists())
        else:
            # Nothing is staged before the profile has answered, but everything may travel.
            self._prepare(path_of(asked))

            async def meet_and_keep() -> tuple[Profile, str]:
                profile, answer = await meet(self.desk.client, self.name, asked)
                user_id = self._welcome(profile, on_profile, None)
                await self._keep_profile(answer)
                return profile, user_id

            (profile, user_id), *_ = await together(meet_and_keep(), *self._lists())
        return await self._end(profile, user_id, None)

    async def _end(self, profile: Profile, user_id: str, last: Extracted | None) -> Extracted:
        """What has to be asked once more, then the event; `last` is what an incremental reading builds upon."""
        await self._follow_up()
        for reader in self.readers.values():
            if reader.failure is not None:
                raise reader.failure
        await self._settle()
        return self._extracted(profile, user_id, last)

    async def _settle(self) -> None:
        """Not before every page is there for good may an event say so."""
        source = self.desk.source.result()
        folders = [source.folder(name) for name in (*self.readers, "rejected")]
        await together(*(self.desk.aside(self.storage.settle, folder) for folder in folders))

    async def _go_on(self, asked: str, on_profile: Callable[[Profile], str]) -> tuple[Profile, str]:
        """What this run staged before it was interrupted answers first."""
        files = self.storage.staged(PROFILE.name, asked.lower(), self.request.run_id)
        if not files:
            profile, answer = await meet(self.desk.client, self.name, asked)
        else:
            source = Source(self.storage, slug_of(files[0]), self.request.run_id)
            *_, staged = await self.desk.staging("recall", PROFILE, 1, source)
            profile, answer = introduced(staged.rows[0], self.name, asked), None
        user_id = self._welcome(profile, on_profile, path_of(profile.slug))
        await together(*(reader.recall() for reader in self.readers.values()))
        await together(*([self._keep_profile(answer)] if answer else []), *self._lists())
        if answer is None and any(reader.outcome == "refused" for reader in self.readers.values()):
            # Nobody has asked yet whether key and profile are still good.
            await meet(self.desk.client, self.name, profile.slug)
        return profile, user_id

    def _prepare(self, user_path: str) -> None:
        self.readers = {endpoint.name: Reader(endpoint, user_path, self.desk) for endpoint in ENDPOINTS}

    def _welcome(self, profile: Profile, on_profile: Callable[[Profile], str], user_path: str | None) -> str:
        user_id = on_profile(profile)
        last = last_extracted(self.storage, profile.slug)
        if last is None and self.known_slug is not None:
            last = last_extracted(self.storage, self.known_slug)
        if user_path is not None:
            self._prepare(user_path)
        self._begin(last, profile.slug)
        return user_id

    async def _keep_stats(self, answer: Answer) -> None:
        reader = self.readers[STATS.name]
        reader.outcome = "read"
        page, _ = await reader.keep(answer, reader.next_number(), Asked())
        reader.reading.note(page)

    async def _keep_profile(self, answer: Answer) -> None:
        reader = self.readers[PROFILE.name]
        page, _ = await reader.keep(answer, reader.next_number(), Asked())
        reader.reading.note(page)

    def _lists(self) -> list[Coroutine[Any, Any, None]]:
        reads = [self._read_and_prove(self.readers[endpoint.name]) for endpoint in LISTS]
        return [self._read_stats(), *reads, self._ending(self.readers[WATCHING.name].ask_once(), WATCHING.name)]

    async def _ending(self, work: Coroutine[Any, Any, None], endpoint: str) -> None:
        """One endpoint's refusal or failure is its own: the others go on."""
        reader = self.readers[endpoint]
        try:
            await work
        except Refused as refusal:
            reader.refuse(refusal)
        except (Unavailable, RateLimited) as failure:
            reader.fail(failure)

    async def _read_stats(self) -> None:
        await self._ending(self.readers[STATS.name].ask_once(), STATS.name)
        self.stats_known.set()

    async def _read_list(self, reader: Reader) -> None:
        await self._ending(self._read_and_compare(reader), reader.endpoint.name)

    async def _read_and_prove(self, reader: Reader) -> None:
        await self._read_list(reader)
        if reader.endpoint.name in witness.SHAPES and reader.outcome == "read" and not reader.all_recalled:
            self.dates |= await witness.ask(self.desk.client, reader.user_path, reader.endpoint)

    async def _read_and_compare(self, reader: Reader) -> None:
        try:
            await self._read_all(reader)
        except Changed:
            await self._read_all(reader)
        if reader.endpoint is HISTORY and reader.distinct:
            return
        await self.stats_known.wait()
        if not reader.distinct and judgement.counted(reader.endpoint, self._stats()):
            # Counts lag down to none, and a page may be empty: of rows that Trakt counts the next page may have some.
            await self._read_all(reader, first=2)
        if reader.endpoint is not HISTORY:
            await self._read_missing(reader)

    async def _read_all(self, reader: Reader, first: int = 1) -> None:
        endpoint, limit = reader.endpoint, reader.endpoint.limit or LARGEST_PAGE
        await read_all(reader.ask, limit, reader.reading, first, newest_first=endpoint.newest_first)

    async def _read_missing(self, reader: Reader) -> None:
        missing = judgement.shortages(reader, self._stats())
        # A shortage that was there last time, to the row, was asked about then.
        if any(doubt not in self.before.doubts for doubt in missing):
            await read_again(reader.ask, reader.endpoint.limit or LARGEST_PAGE, reader.reading)

    async def _follow_up(self) -> None:
        """What history lacks by the plays of its titles is asked for title by title, else by its own count."""
        history = self.readers[HISTORY.name]
        if history.outcome == "read":
            titles = self._titles_to_ask()
            work = self._read_titles(history, titles) if titles else self._read_missing(history)
            await self._ending(work, HISTORY.name)

    def _titles_to_ask(self) -> list[tuple[TitleKey, int]]:
        """The titles, each with the number of pages that its plays fill; no more pages than history took."""
        left = self.readers[HISTORY.name].reading.requests
        chosen = []
        for title, own, seen in judgement.short_titles(self.readers):
            pages = -(-own // LARGEST_PAGE)
            if title[1] != "trakt" or judgement.title_doubt(self.readers, title, own, seen) in self.before.doubts:
                continue
            if pages <= left:
                left -= pages
                chosen.append((title, pages))
        return chosen

    async def _read_titles(self, history: Reader, titles: list[tuple[TitleKey, int]]) -> None:
        await together(
            *(
                history.ask(page, LARGEST_PAGE, f"/{kind}s/{number}")
                for (kind, _, number), pages in titles
                for page in range(1, pages + 1)
            )
        )

    def _stats(self) -> Any:
        rows = self.readers[STATS.name].rows
        return rows[0] if rows else None

    def _figures(self, stats: Any, last: Extracted | None) -> dict[str, Any] | None:
        if stats is None:
            return last.stats if last else None
        raw = self.readers[STATS.name].raw
        figures: dict[str, Any] = figures_of(raw[0]) if raw else msgspec.to_builtins(stats)
        return figures

    def _extracted(self, profile: Profile, user_id: str, last: Extracted | None) -> Extracted:
        if judgement.is_private(self.readers):
            raise PrivateProfile(ascii(self.name.typed), OPEN_FOR_A_WHILE)
        stats = self._stats()
        implausible = judgement.mark_implausible(self.readers, stats, self.before, self.request.accept_empty)
        inputs: dict[str, tuple[str, ...]] = {}
        for name, reader in self.readers.items():
            if reader.outcome == "read":
                inputs[name] = (self.request.run_id,)
            elif reader.outcome == "newest":
                inputs[name] = (*self.before.inputs.get(name, ()), self.request.run_id)
            elif name in self.before.inputs:
                inputs[name] = self.before.inputs[name]
        client = self.desk.client
        standing = [
            doubt
            for doubt in (last.doubts if last else ())
            if self.readers[doubt.endpoint].outcome in ("unchanged", "newest")
        ]
        at = self.desk.clock.stamp()
        return Extracted(
            run_id=self.request.run_id,
            at=at,
            user_id=user_id,
            trakt_username=profile.username,
            trakt_slug=profile.slug,
            trakt_user_id=profile.trakt_id,
            inputs=inputs,
            endpoints={
                name: reader.figures(judgement.counted(reader.endpoint, stats)) for name, reader in self.readers.items()
            },
            stats=self._figures(stats, last),
            doubts=(
                *implausible,
                *judgement.doubts(self.readers, stats, self.before),
                *witness.differences(self.dates, self.readers),
                *standing,
            ),
            requests=client.requests + sum(reader.recalled for reader in self.readers.values()),
            waited_seconds=round(client.waited, 3),
            full_read_at=last.full_read_at if last else at,
            marks=marks(self.readers, stats, self.before.marks),
        )
