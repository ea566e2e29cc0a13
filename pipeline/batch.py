"""The nightly batch: many profiles are read in one event loop, within one rate limit, ahead of everything else.

What is read is loaded meanwhile in micro-batches, in a thread aside. Nobody's failure stops the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.batch_report import PROMETHEUS, earlier_result, prometheus, result_of
from pipeline.clock import Clock
from pipeline.display.console import Crowd
from pipeline.errors import ConfigurationError, RateLimited, TraktImportError, Unavailable
from pipeline.events import Extracted, ImportRequested
from pipeline.extraction import read_profile
from pipeline.microbatch import finish
from pipeline.night import Night, Target, end_night, night
from pipeline.run import Import, new_run_id, take_up
from pipeline.settings import Settings
from pipeline.storage import Storage

if TYPE_CHECKING:
    from stages.extract.client import Client

# Profiles read side by side: as many as keep all connections busy.
AT_ONCE = 24
# Runs of one transform statement and one load transaction, and as many again may wait; each holds two locks.
MICRO_BATCH = 150
# Seconds that the first of a micro-batch waits for others.
GATHER = 30.0
# So many failures of Trakt in a row are Trakt's own: then the others are not asked for.
TRAKT_IS_DOWN = 2 * AT_ONCE


@dataclass
class Batch:
    """One batch on its way; `done` is told of every run as it ends."""

    settings: Settings
    storage: Storage
    clock: Clock
    night: Night
    full: bool
    display: Crowd
    done: Callable[[Import], None]
    requests: int = 0
    waited: float = 0.0
    ready: asyncio.Queue[list[Import] | None] = field(default_factory=lambda: asyncio.Queue(MICRO_BATCH))
    failures: int = 0

    async def run(self, targets: Sequence[Target]) -> None:
        """Import all of them; raises what stops everybody: a refused key, Trakt away, an interruption."""
        from stages.extract.client import Client

        loading = asyncio.create_task(self._load())
        try:
            async with Client(self.settings, self.clock, self.display.waiting, patient=True) as client:
                try:
                    await self._read_all(targets, client)
                finally:
                    self.requests, self.waited = client.requests, client.limiter.waited
        except asyncio.CancelledError:
            # What is read is not lost: it is loaded when the batch goes on.
            loading.cancel()
            self._let_go()
            raise
        except Exception:
            await self.ready.put(None)
            await loading
            raise
        await self.ready.put(None)
        await loading

    def _let_go(self) -> None:
        while not self.ready.empty():
            for run in self.ready.get_nowait() or ():
                run.fail(KeyboardInterrupt())

    async def _read_all(self, targets: Sequence[Target], client: Client) -> None:
        waiting = iter(targets)

        async def work() -> None:
            for target in waiting:
                await self._read(target, client)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(targets))):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _read(self, target: Target, client: Client) -> None:
        """Read one profile, and hand over the runs of all its users."""
        if target.refused is not None:
            # Not even asked for, and without a journal.
            run = Import(self.settings, self.storage, self.clock, self._request(target, None), self.display)
            run.error = target.refused
            self._tell([run])
            return
        runs = self._begin(target)
        before = [run for run in runs if isinstance(run.last, ImportRequested)]
        if before:
            try:
                event = await read_profile(before[0], target.known, enlisted=True, client=client)
                for run in before:
                    run.publish(event if run is before[0] else _same(event, run))
                self.failures = 0
            except (Exception, asyncio.CancelledError) as error:
                for run in before:
                    run.fail(error)
                self._tell(before)
                self._stop_where_all_is_lost(error)
        ready = [run for run in runs if run.error is None]
        if ready:
            await self.ready.put(ready)

    def _begin(self, target: Target) -> list[Import]:
        """The runs of one profile: those that were left unfinished tonight, and new ones."""
        runs: list[Import] = []
        for user_id in target.user_ids:
            key = (target.name, user_id)
            if key in self.night.done:
                continue
            if key in self.night.left:
                try:
                    runs.append(
                        take_up(
                            self.night.left[key],
                            settings=self.settings,
                            storage=self.storage,
                            clock=self.clock,
                            progress=self.display,
                            locked=bool(runs),
                        )
                    )
                    continue
                except TraktImportError:
                    # Superseded, or somebody is at work on it: a run of its own will tell.
                    pass
            run = Import(self.settings, self.storage, self.clock, self._request(target, user_id), self.display)
            run.begin()
            runs.append(run)
        return runs

    def _request(self, target: Target, user_id: str | None) -> ImportRequested:
        return ImportRequested(
            run_id=new_run_id(),
            at=self.clock.stamp(),
            user=target.name,
            user_id=user_id,
            full=self.full,
            night_id=self.night.night_id,
        )

    def _stop_where_all_is_lost(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError | ConfigurationError):
            raise error
        self.failures = self.failures + 1 if isinstance(error, Unavailable | RateLimited) else 0
        if self.failures >= TRAKT_IS_DOWN:
            raise error

    async def _load(self) -> None:
        """Load what is ready, a micro-batch at a time, until nothing more comes."""
        more = True
        while more:
            runs, more = await self._gather()
            if runs:
                await asyncio.to_thread(finish, runs)
                self._tell(runs)

    async def _gather(self) -> tuple[list[Import], bool]:
        first = await self.ready.get()
        if first is None:
            return [], False
        runs = list(first)
        try:
            async with asyncio.timeout(GATHER):
                while len(runs) < MICRO_BATCH:
                    more = await self.ready.get()
                    if more is None:
                        return runs, False
                    runs += more
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            for run in runs:
                run.fail(KeyboardInterrupt())
            raise
        return runs, True

    def _tell(self, runs: Sequence[Import]) -> None:
        for run in runs:
            self.done(run)
            # What is told is not needed any more: memory must not grow with the users.
            run.events, run.report = run.events[:1], None


def _same(event: Extracted, run: Import) -> Extracted:
    """What one reading is for another user of the same profile: nothing was asked for again."""
    return msgspec.structs.replace(
        event,
        run_id=run.request.run_id,
        user_id=run.request.user_id or event.user_id,
        endpoints={},
        requests=0,
        waited_seconds=0.0,
    )


def run_night(
    targets: Sequence[Target], *, settings: Settings, storage: Storage, clock: Clock, full: bool, display: Crowd
) -> dict[str, Any]:
    """Import all of them, tonight; the batch report: `{users, requests, waited_seconds}`.

    A night that was left unfinished is gone on with: who is done in it is only told. Raises `Running` while another
    batch is at work, and what stops everybody; then the next call goes on.
    """
    results: list[dict[str, Any]] = []
    began = clock.now()

    def done(run: Import) -> None:
        results.append(result_of(run))
        display.user(results[-1])

    with night(storage, clock, full=full) as here:
        earlier = [earlier_result(run_id, settings, storage, clock) for run_id in here.done.values()]
        display.begin(sum(len(target.user_ids) for target in targets), earlier, here.at if here.goes_on else None)
        work = Batch(settings, storage, clock, here, full, display, done)
        try:
            asyncio.run(work.run(targets))
        finally:
            report: dict[str, Any] = {
                "users": [*earlier, *results],
                "requests": work.requests + sum(result["requests"] for result in earlier),
                "waited_seconds": round(work.waited, 1),
            }
            storage.write(PROMETHEUS, prometheus(report, began, clock.now()).encode())
        end_night(storage, here, {"night_id": here.night_id, "began_at": here.at, "ended_at": clock.stamp(), **report})
    return report
