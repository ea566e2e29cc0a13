"""The extract stage: a public profile, read in full, lies in `staged/`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pipeline.clock import Clock
from pipeline.duck import warm_up
from pipeline.events import Extracted, ImportRequested
from pipeline.journal import last_extracted
from pipeline.settings import Settings
from pipeline.storage import Storage
from stages.extract import judgement
from stages.extract.client import Answer, Guest
from stages.extract.endpoints import ENDPOINTS, PROFILE
from stages.extract.event import extracted, unchanged
from stages.extract.incremental import read_changed
from stages.extract.lists import Lists
from stages.extract.names import Name, asked_name
from stages.extract.paging import together
from stages.extract.probe import look
from stages.extract.profile import Profile, introduced, meet, path_of
from stages.extract.reader import Desk, Progress, load_staging
from stages.extract.schedule import DAY, full_read_due
from stages.extract.source import Source, slug_of

# Told who has answered, it gives the application's id of the user, and the slug that the user is on record under.
OnProfile = Callable[[Profile], tuple[str, str]]
# Each waits for the disk, the processor, and the interpreter: three keep all of them busy.
THREADS = 3
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
    client: Guest,
    on_profile: OnProfile,
    known_slug: str | None = None,
    progress: Progress | None = None,
    resumed: bool = False,
) -> Extracted:
    """Read what Trakt shows of `request.user`, one Parquet file for each answer: everything, or what has changed.

    `on_profile` is told who answered before anything is staged, and gives the application's id of the user and the
    slug on record; it may raise, and may be told twice. With `known_slug`, of a user on record, nothing waits for the
    profile, and where an earlier picture stands, only what differs from it is read, unless a full reading is asked for
    or due. `progress` is called on the event loop. `resumed` says that this run was interrupted here before: what it
    staged is not asked for again.

    Raises `BadInput`, `NotFound`, `PrivateProfile`, `ConfigurationError`, `StorageError`; and, once all that can be
    staged is staged, `Unavailable` or `RateLimited`. Nothing half-written stays behind, also when cancelled.
    """
    name = asked_name(request.user)
    progress = progress or Silent()
    aside = ThreadPoolExecutor(THREADS, thread_name_prefix="staging")
    try:
        loop = asyncio.get_running_loop()
        desk = Desk(client, clock, aside, loop.create_future(), progress)
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


class _Run:
    """One reading of one profile, from who answers to the event."""

    def __init__(
        self, request: ImportRequested, storage: Storage, desk: Desk, name: Name, known_slug: str | None
    ) -> None:
        self.request = request
        self.storage = storage
        self.desk = desk
        self.name = name
        self.known_slug = known_slug
        self.asked = known_slug or name.asked
        self.lists = self._prepared(self.asked)

    async def look(self, on_profile: OnProfile, every: int) -> Extracted | None:
        """Only what changed since the last good reads; None where everything is to be read."""
        if self.request.full or self.request.accept_empty or self.known_slug is None:
            return None
        last = last_extracted(self.storage, self.known_slug)
        now = self.desk.clock.now()
        if last is None or last.full_read_at is None or full_read_due(last.trakt_slug, last.full_read_at, now, every):
            return None
        if not all(
            self.storage.staged(name, last.trakt_slug, run) for name, runs in last.inputs.items() for run in runs
        ):
            # Somebody has removed what the picture stands on.
            return None
        profile = Profile(last.trakt_username, last.trakt_slug, last.trakt_user_id)
        user_id, _ = on_profile(profile)
        plan = await look(self.desk.client, path_of(profile.slug), last, int(now // DAY))
        if plan is None:
            return None
        if plan.empty:
            return unchanged(self.desk, self.request, user_id, last)
        warm_up()
        self.lists = self._prepared(profile.slug)
        self._begin(last, profile.slug)
        await read_changed(self.lists, plan, last, self.storage)
        return await self._end(profile, user_id, last)

    def has_staged(self) -> bool:
        """Whether this run staged anything before it was interrupted."""
        folder = f"user={self.known_slug}/run={self.request.run_id}"
        return any(self.storage.exists(f"staged/{endpoint.name}/{folder}") for endpoint in ENDPOINTS)

    async def read(self, on_profile: OnProfile, resumed: bool) -> Extracted:
        """Everything, in the order that the answers allow."""
        if resumed:
            profile, user_id = await self._go_on(on_profile)
        elif self.known_slug is None:
            profile, answer = await self._meet(self.asked)
            user_id = self._welcome(profile, on_profile)
            await together(self.lists.keep(PROFILE, answer), *self.lists.everything())
        else:
            # Nothing is staged before the profile has answered, but everything may travel.
            async def meet_and_keep() -> tuple[Profile, str]:
                profile, answer = await self._meet(self.asked)
                user_id = self._welcome(profile, on_profile, under_way=True)
                await self.lists.keep(PROFILE, answer)
                return profile, user_id

            (profile, user_id), *_ = await together(meet_and_keep(), *self.lists.everything())
        return await self._end(profile, user_id, None)

    async def _go_on(self, on_profile: OnProfile) -> tuple[Profile, str]:
        """What this run staged before it was interrupted answers first."""
        files = self.storage.staged(PROFILE.name, self.asked.lower(), self.request.run_id)
        answer: Answer | None = None
        if files:
            source = Source(self.storage, slug_of(files[0]), self.request.run_id)
            *_, staged = await self.desk.staging("recall", PROFILE, 1, source)
            profile = introduced(staged.rows[0], self.name, self.asked)
        else:
            profile, answer = await self._meet(self.asked)
        user_id = self._welcome(profile, on_profile)
        readers = self.lists.readers.values()
        await together(*(reader.recall() for reader in readers))
        await together(*([self.lists.keep(PROFILE, answer)] if answer else []), *self.lists.everything())
        if answer is None and any(reader.outcome == "refused" for reader in readers):
            # Nobody has asked yet whether key and profile are still good.
            await self._meet(profile.slug)
        return profile, user_id

    async def _end(self, profile: Profile, user_id: str, last: Extracted | None) -> Extracted:
        """What has to be asked once more, then the event; `last` is what an incremental reading builds upon."""
        await self.lists.follow_up()
        await self.lists.settle(self.storage)
        return extracted(self.lists, self.request, profile, user_id, last)

    async def _meet(self, asked: str) -> tuple[Profile, Answer]:
        return await meet(self.desk.client, self.name, asked)

    def _welcome(self, profile: Profile, on_profile: OnProfile, *, under_way: bool = False) -> str:
        """The application's id of the user; from here on pages are staged, of lists that may be under way already."""
        user_id, on_record = on_profile(profile)
        # One who was renamed since has the last good reads under the old name.
        last = last_extracted(self.storage, profile.slug) or last_extracted(self.storage, on_record)
        if not under_way:
            self.lists = self._prepared(profile.slug)
        self._begin(last, profile.slug)
        return user_id

    def _prepared(self, slug: str) -> Lists:
        return Lists(self.desk, path_of(slug), judgement.Before(self.storage, None))

    def _begin(self, last: Extracted | None, slug: str) -> None:
        self.lists.before = judgement.Before(self.storage, last)
        self.desk.source.set_result(Source(self.storage, slug, self.request.run_id))
