"""One import of a profile: what it is, how it begins, how it is taken up again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uuid6

from pipeline.clock import Clock
from pipeline.display.console import Display
from pipeline.errors import BadInput, TraktImportError
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

    `locked` says that whoever started the run holds the user's lock for it.
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


def import_user(
    request: ImportRequested, *, settings: Settings, storage: Storage, clock: Clock, progress: Display
) -> Import:
    """Run one import to its end, in this process.

    Raises the `TraktImportError` that ended it, after an `ImportFailed` event; `KeyboardInterrupt` likewise.
    `Unbalanced` where the report's equations do not hold: everything is written then, and the report says what.
    """
    run = Import(settings, storage, clock, request, progress)
    run.begin()
    return _alone(run)


def resume_import(run_id: str, *, settings: Settings, storage: Storage, clock: Clock, progress: Display) -> Import:
    """Go on with a run from its last event; ends as `import_user` does.

    A run that is older than its user's last completed one is closed as failed (superseded), never loaded: `BadInput`.
    """
    run = take_up(run_id, settings=settings, storage=storage, clock=clock, progress=progress)
    if isinstance(run.last, Ended):
        raise BadInput(f"run {run_id} is finished", f"See: trakt-import report {run_id}")
    return _alone(run)


def take_up(
    run_id: str, *, settings: Settings, storage: Storage, clock: Clock, progress: Display, locked: bool = False
) -> Import:
    """A run as its journal left it; its user's lock is taken where the user is known, unless it is `locked` already.

    `BadInput` as `resume_import`.
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
    extracted = next((event for event in events if isinstance(event, Extracted)), None)
    if extracted is not None and not isinstance(run.last, Ended):
        if not locked:
            run.held.enter_context(user_lock(storage, extracted.trakt_slug))
        try:
            refuse_superseded(run, extracted.user_id)
        except BadInput as error:
            run.fail(error)
            raise
        _settle(run)
    return run


def _settle(run: Import) -> None:
    """A run that stopped inside a batch of several goes on in one of its own, unless that batch is committed."""
    from pipeline.microbatch import rewind

    if isinstance(run.last, Transformed) and run.last.batch_id != run.request.run_id:
        rewind([run])


def refuse_superseded(run: Import, user_id: str) -> None:
    """Raise `BadInput` where a later run of the user is in the database already: this one must not be loaded."""
    from stages.load import accounts

    with run.database() as database:
        found = accounts(database, user_id=user_id)
    last = found[0].last_run_id if found else None
    if last is not None and last > run.request.run_id:
        raise BadInput(f"run {run.request.run_id} is superseded by run {last}", NOTHING_TO_DO)


def _alone(run: Import) -> Import:
    from pipeline.microbatch import finish

    finish([run])
    if run.error is not None:
        raise run.error
    return run


def check_before(request: ImportRequested, settings: Settings, storage: Storage) -> None:
    """Everything that can be told before the first request: key, tables, catalogue."""
    from stages.catalog import current_snapshot
    from stages.database import open_database

    if request.source == "api":
        settings.require_client_id()
    with open_database(settings) as database:
        database.prepare()
        if request.add_missing and database.titles_is_view():
            raise BadInput(
                "--add-missing cannot add to titles, which is a view", "Add the titles to the application's own tables."
            )
        if request.add_missing and database.title_id_type != "text":
            raise BadInput(
                f"--add-missing makes text ids, titles has {database.title_id_type}",
                "Add the titles to the application's own tables.",
            )
        if request.user and request.source == "api":
            _refuse_blocked(request.user, database)
        current_snapshot(database, storage, allow_empty=request.add_missing)


def _refuse_blocked(user: str, database: Database) -> None:
    """Whoever is blocked is not even asked for, and leaves no journal."""
    from stages.extract.names import asked_name
    from stages.load import accounts

    slug = asked_name(user).asked.lower()
    found = accounts(database, slug=slug)
    if found and all(account.blocked_at for account in found):
        raise BadInput(f"{slug} is blocked", f"To allow imports again: trakt-import users add {slug}")
