"""The extract stage: a public profile, read in full, lies in `staged/`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.clock import Clock
from pipeline.errors import PrivateProfile, RateLimited, Unavailable
from pipeline.events import Extracted, ImportRequested
from pipeline.journal import last_extracted
from pipeline.settings import Settings
from pipeline.storage import Storage
from stages.extract import judgement
from stages.extract.client import Answer, Client, Refused
from stages.extract.endpoints import ENDPOINTS, HISTORY, LARGEST_PAGE, LISTS, PROFILE, STATS, WATCHING, TitleKey
from stages.extract.names import asked_name
from stages.extract.paging import read_again, read_all, together
from stages.extract.profile import OPEN_FOR_A_WHILE, Profile, meet, path_of
from stages.extract.reader import Desk, Progress, Reader

if TYPE_CHECKING:
    from stages.extract.staging import Source

# Writing waits for the disk, reading for the processor: two keep both busy.
THREADS = 2


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
) -> Extracted:
    """Read everything that Trakt shows of `request.user`, one Parquet file for each answer.

    `on_profile` is told who answered before anything is staged, and gives the application's id of the user; it may
    raise. With `known_slug`, of a user on record, nothing waits for the profile. `progress` is called on the event
    loop.

    Raises `BadInput`, `NotFound`, `PrivateProfile`, `ConfigurationError`, `StorageError`; and, once all that can be
    staged is staged, `Unavailable` or `RateLimited`. Nothing half-written stays behind, also when cancelled.
    """
    name = asked_name(request.user)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="staging") as aside:
        progress = progress or Silent()
        async with Client(settings, clock, progress.waiting) as client:
            desk = Desk(client, clock, aside, asyncio.get_running_loop().create_future(), progress)
            run = _Run(request, storage, desk)
            try:
                return await run.read(name, known_slug, on_profile)
            finally:
                aside.shutdown(wait=True, cancel_futures=True)


class _Run:
    """One reading of one profile."""

    def __init__(self, request: ImportRequested, storage: Storage, desk: Desk) -> None:
        self.request = request
        self.storage = storage
        self.desk = desk
        self.readers: dict[str, Reader] = {}
        self.before = judgement.Before(storage, None)
        self.met: tuple[Profile, str] | None = None
        self.stats_known = asyncio.Event()
