"""The extract stage at hand: a sandbox, a folder, and a clock on which waiting takes no time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.clock import Clock
from pipeline.events import Extracted, ImportRequested
from pipeline.journal import Journal
from pipeline.settings import Settings
from pipeline.storage import Storage
from stages.extract import Profile, extract
from stages.extract.client import Client, Guest
from stages.extract.stage import OnProfile, Silent
from tests.sandbox.accounts import Account, make_account
from tests.sandbox.server import Sandbox

KEY = "0123456789abcdef-secret"
SMALL = {"movies": 12, "shows": 4, "plays": 40, "ratings": 8, "watchlist": 6}


class Patient:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds
        await asyncio.sleep(0)

    def now(self) -> float:
        return time.time() + self.ahead


class House:
    """A sandbox, a storage, and a clock."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.storage = Storage(folder)
        self.sandbox = sandbox
        self.patient = Patient()
        sandbox.clock = self.patient.now
        self.runs = 0
        self.met: list[Profile] = []

    def extract(self, user: str, **options: Any) -> Extracted:
        return asyncio.run(self.extracting(user, **options))

    def resume(self, user: str, **options: Any) -> Extracted:
        """Go on with the last run, which ended early."""
        return asyncio.run(self.extracting(user, resumed=True, **options))

    async def extracting(
        self,
        user: str,
        *,
        known: str | None = None,
        accept: tuple[str, ...] = (),
        storage: Storage | None = None,
        resumed: bool = False,
        full: bool = True,
        on_profile: OnProfile | None = None,
        **settings: Any,
    ) -> Extracted:
        self.runs += not resumed
        request = ImportRequested(
            run_id=f"r{self.runs}", at="2026-09-01T00:00:00Z", user=user, accept_empty=accept, full=full
        )

        def met(profile: Profile) -> tuple[str, str]:
            self.met.append(profile)
            return "user-1", profile.slug

        given = Settings(client_id=KEY, api_url=self.sandbox.url, **settings)
        clock = Clock(self.patient.now, self.patient.sleep)
        async with Client(given, clock, Silent().waiting) as client:
            event = await extract(
                request,
                settings=given,
                storage=storage or self.storage,
                clock=clock,
                client=Guest(client),
                on_profile=on_profile or met,
                known_slug=known,
                resumed=resumed,
            )
        Journal(self.storage, request.run_id).append(event)
        return event

    def add(self, slug: str = "otter", **options: Any) -> Account:
        account = make_account(slug, **{**SMALL, **options})
        self.sandbox.accounts[slug] = account
        return account

    def rows(self, endpoint: str, event: Extracted) -> list[dict[str, Any]]:
        folder = self.folder / f"staged/{endpoint}/user={event.trakt_slug}/run={event.run_id}"
        return [row for file in sorted(folder.iterdir()) for row in pq.ParquetFile(file).read().to_pylist()]
