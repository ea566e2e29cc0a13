"""A run: what it is, how it begins, how it ends early, how it is taken up again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uuid6

from pipeline.clock import Clock
from pipeline.display.console import Display
from pipeline.errors import BadInput, Superseded, TraktImportError
from pipeline.events import AnyEvent, Ended, Extracted, ImportFailed, ImportRequested, Transformed
from pipeline.journal import INTERRUPTED, Journal
from pipeline.locks import run_lock, user_lock
from pipeline.settings import Settings
from pipeline.storage import Storage
from pipeline.unfinished import NOTHING_TO_DO, sweep_run

if TYPE_CHECKING:
    from stages.database import Database


@dataclass(eq=False)
class Import:
    """One run on its way: what the stages need, and what they have said so far; `error` where it ended early.

    `locked` says that whoever started the run holds the user's lock for it; `requests` were made to read its profile.
    `resumed` says that it was interrupted before; `held` are the locks of the run and of its user.
    """

    settings: Settings
    storage: Storage
    clock: Clock
    request: ImportRequested
    progress: Display
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    events: list[AnyEvent] = field(default_factory=list)
    report: dict[str, Any] | None = None
    error: BaseException | None = None
    locked: bool = False
    resumed: bool = False
    requests: int = 0

    @property
    def journal(self) -> Journal:
        """The journal of this run."""
        return Journal(self.storage, self.request.run_id)

    @property
    def last(self) -> AnyEvent:
        """The event that the run stands at."""
        return self.events[-1]

    def said(self, kind: type[Any]) -> Any:
        """The newest event of this kind."""
        return next(event for event in reversed(self.events) if isinstance(event, kind))

    def begin(self) -> None:
        """Write down what is asked for; from here on nobody else goes on with this run."""
        self.held.enter_context(run_lock(self.storage, self.request.run_id))
        self.publish(self.request)

    def publish(self, event: AnyEvent) -> None:
        """Write an event into the journal: now it has happened."""
        self.journal.append(event)
        self.events.append(event)

    def fail(self, error: BaseException) -> None:
        """Write down how the run ended early, as far as the disk lets us, and let go of the user."""
        self.error = error
        match error:
            case TraktImportError():
                text, hint, code = error.message, error.hint, error.exit_code
            case KeyboardInterrupt() | asyncio.CancelledError():
                text, hint, code = "Interrupted", "Go on with: trakt-import resume", INTERRUPTED
            case _:
                text, hint, code = f"{type(error).__name__}: {error}", "Please report this.", 1
        ended = ImportFailed(
            run_id=self.request.run_id,
            at=self.clock.stamp(),
            stage=type(self.last).__name__,
            error=text,
            hint=hint,
            exit_code=code,
            requests=self.requests,
        )
        with contextlib.suppress(TraktImportError):
            self.journal.append(ended)
        self.held.close()

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """The application database, open as long as it is needed."""
        from stages.database import open_database

        with open_database(self.settings) as database:
            yield database


def new_run_id() -> str:
    """An id that sorts by time (UUIDv7)."""
    return str(uuid6.uuid7())


def take_up(
    run_id: str, *, settings: Settings, storage: Storage, clock: Clock, progress: Display, locked: bool = False
) -> Import:
    """A run as its journal left it; its user's lock is taken where the user is known, unless it is `locked` already.

    `BadInput` where a later run of the user is loaded already: then this one is closed as failed (superseded).
    """
    held = contextlib.ExitStack()
    held.enter_context(run_lock(storage, run_id))
    events: list[AnyEvent] = [
        event for event in Journal(storage, run_id).events() if not isinstance(event, ImportFailed)
    ]
    request = events[0] if events else None
    if not isinstance(request, ImportRequested):
        raise BadInput(f"run {run_id} has no beginning", "List the runs with: trakt-import runs")
    run = Import(settings, storage, clock, request, progress, held, events, resumed=True)
    sweep_run(storage, run_id)
    if isinstance(run.last, Ended):
        return run
    extracted = next((event for event in events if isinstance(event, Extracted)), None)
    if extracted is not None and not locked:
        run.held.enter_context(user_lock(storage, extracted.trakt_slug))
    user_id = extracted.user_id if extracted else request.user_id
    if user_id is not None:
        try:
            refuse_superseded(run, user_id)
        except BadInput as error:
            run.fail(error)
            raise
    if isinstance(run.last, Transformed) and run.last.batch_id != request.run_id:
        # It stopped inside a batch of several, and goes on in one of its own, unless that one is committed.
        rewind([run])
    return run


def rewind(runs: Sequence[Import]) -> None:
    """Put those runs back behind extract whose load did not commit."""
    from stages.load import committed

    with runs[0].database() as database:
        done = committed(database, [run.request.run_id for run in runs])
    for run in runs:
        if run.request.run_id not in done:
            while not isinstance(run.last, Extracted | ImportRequested):
                run.events.pop()


def refuse_superseded(run: Import, user_id: str) -> None:
    """Raise `Superseded` where a later run of the user is in the database already: this one must not be loaded."""
    from stages.load import accounts

    with run.database() as database:
        found = accounts(database, user_id=user_id)
    last = found[0].last_run_id if found else None
    if last is not None and last > run.request.run_id:
        raise Superseded(f"run {run.request.run_id} is superseded by run {last}", NOTHING_TO_DO)
