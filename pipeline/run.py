"""The in-process bus: each event rings the stage that it is for, until the report is written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uuid6

from pipeline.clock import Clock
from pipeline.console import Display
from pipeline.errors import BadInput, TraktImportError, Unbalanced
from pipeline.events import AnyEvent, Extracted, ImportFailed, ImportRequested, Loaded, Reported, Transformed
from pipeline.journal import INTERRUPTED, Journal, run_ids
from pipeline.locks import user_lock
from pipeline.settings import Settings
from pipeline.storage import Storage


@dataclass
class Import:
    """One run on its way: what the stages need, and what they have said so far."""

    settings: Settings
    storage: Storage
    clock: Clock
    request: ImportRequested
    progress: Display
    held: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    events: list[AnyEvent] = field(default_factory=list)
    report: dict[str, Any] | None = None

    @property
    def journal(self) -> Journal:
        """The journal of this run."""
        return Journal(self.storage, self.request.run_id)

    def said(self, kind: type[Any]) -> Any:
        """The newest event of this kind."""
        return next(event for event in reversed(self.events) if isinstance(event, kind))


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
    _publish(run, request)
    return _go_on(run)


def resume_import(run_id: str, *, settings: Settings, storage: Storage, clock: Clock, progress: Display) -> Import:
    """Go on with a run from its last event; ends as `import_user` does.

    A run that is older than its user's last completed one is closed as failed (superseded), never loaded: `BadInput`.
    """
    events: list[AnyEvent] = [
        event for event in Journal(storage, run_id).events() if not isinstance(event, ImportFailed)
    ]
    request = events[0] if events else None
    if not isinstance(request, ImportRequested):
        raise BadInput(f"run {run_id} has no beginning", "List the runs with: trakt-import runs")
    run = Import(settings, storage, clock, request, progress, events=events)
    if isinstance(events[-1], Reported):
        raise BadInput(f"run {run_id} is finished", f"See: trakt-import report {run_id}")
    extracted = next((event for event in events if isinstance(event, Extracted)), None)
    if extracted is not None:
        run.held.enter_context(user_lock(storage, extracted.trakt_slug))
        newer = _newer_import(run, extracted.user_id)
        if newer:
            run.held.close()
            text = f"superseded by run {newer}"
            _fail(run, text, "Nothing is to be done.", BadInput.exit_code)
            raise BadInput(f"run {run_id} is {text}", "Nothing is to be done.")
    return _go_on(run)


def unfinished(storage: Storage) -> list[str]:
    """The runs that `resume` goes on with, oldest first: left by a crash, an interruption, or exit 6 or 7."""
    found = []
    for run_id in run_ids(storage):
        events = Journal(storage, run_id).events()
        last = events[-1]
        if isinstance(last, Reported):
            continue
        if not isinstance(last, ImportFailed) or last.exit_code in (6, 7, INTERRUPTED):
            found.append(run_id)
    return found[::-1]


def _newer_import(run: Import, user_id: str) -> str | None:
    from stages.load import accounts

    with _database(run) as database:
        found = accounts(database, user_id=user_id)
    last = found[0].last_run_id if found else None
    return last if last is not None and last > run.request.run_id else None


def _go_on(run: Import) -> Import:
    with run.held:
        try:
            while (handler := ROUTES.get(type(run.events[-1]))) is not None:
                run.progress.stage(handler.__name__.removeprefix("_"))
                _publish(run, handler(run))
        except TraktImportError as error:
            _fail(run, error.message, error.hint, error.exit_code)
            raise
        except (KeyboardInterrupt, asyncio.CancelledError):
            _fail(run, "Interrupted", "Go on with: trakt-import resume", INTERRUPTED)
            raise KeyboardInterrupt from None
        except Exception as error:
            _fail(run, f"{type(error).__name__}: {error}", "Please report this.", 1)
            raise
    if not run.said(Reported).balanced:
        raise Unbalanced(f"see trakt-import report {run.request.run_id}", "The rows are written; please report this.")
    return run


def _publish(run: Import, event: AnyEvent) -> None:
    run.journal.append(event)
    run.events.append(event)


def _fail(run: Import, error: str, hint: str, exit_code: int) -> None:
    with contextlib.suppress(TraktImportError):
        run.journal.append(
            ImportFailed(
                run_id=run.request.run_id,
                at=run.clock.stamp(),
                stage=type(run.events[-1]).__name__,
                error=error,
                hint=hint,
                exit_code=exit_code,
            )
        )


def _extract(run: Import) -> Extracted:
    from stages.extract import extract

    with _database(run) as database:
        known = _known(run, database)

    def on_profile(profile: Any) -> str:
        run.held.enter_context(user_lock(run.storage, profile.slug))
        with _database(run) as database:
            return _user_id(run, database, profile.slug, profile.trakt_id)

    return asyncio.run(
        extract(
            run.request,
            settings=run.settings,
            storage=run.storage,
            clock=run.clock,
            known_slug=known,
            progress=run.progress,
            on_profile=on_profile,
        )
    )


def _known(run: Import, database: Any) -> str | None:
    from stages.extract.names import asked_name
    from stages.load import accounts

    name = asked_name(run.request.user)
    found = accounts(database, slug=name.asked.lower()) if not name.guessed else []
    return found[0].trakt_slug if found else None


def _user_id(run: Import, database: Any, slug: str, trakt_id: int | None) -> str:
    """Whose library this profile goes to; `BadInput` where that cannot be told, or would mix two people."""
    from stages.load import accounts

    wanted = run.request.user_id
    if wanted is not None:
        found = accounts(database, user_id=wanted)
        if found and found[0].trakt_slug != slug and (trakt_id is None or found[0].trakt_user_id != trakt_id):
            raise BadInput(
                f"user {wanted} is on record as {found[0].trakt_slug}, not {slug}",
                f"To put the account over: trakt-import users add {slug} --user-id {wanted}",
            )
    else:
        found = accounts(database, slug=slug) or (accounts(database, trakt_user_id=trakt_id) if trakt_id else [])
        if len(found) > 1:
            raise BadInput(
                f"{slug} is on record for several users: {', '.join(account.user_id for account in found)}",
                "Say which one with --user-id.",
            )
    if found and found[0].blocked_at:
        raise BadInput(f"{slug} is blocked", f"To allow imports again: trakt-import users add {slug}")
    return wanted or (found[0].user_id if found else slug)


def _transform(run: Import) -> Transformed:
    from stages.catalog import current_snapshot
    from stages.load import baseline
    from stages.transform import Baseline, transform

    extracted: Extracted = run.said(Extracted)
    with _database(run) as database:
        snapshot = current_snapshot(database, run.storage, allow_empty=run.request.add_missing)
        run_id, batch_id, owned = baseline(database, extracted.user_id, run.request.mode)
    return transform(
        [(run.request, extracted)],
        {extracted.run_id: Baseline(run_id, batch_id, owned)},
        storage=run.storage,
        snapshot=snapshot,
        batch_id=extracted.run_id,
        at=run.clock.stamp(),
    )[0]


def _load(run: Import) -> Loaded:
    from stages.load import load

    batch = [(run.request, run.said(Extracted), run.said(Transformed))]
    with _database(run) as database:
        return load(batch, database=database, storage=run.storage, at=run.clock.stamp())[0]


def _report(run: Import) -> Reported:
    from stages.report import report

    event, run.report = report(
        run.said(Extracted), run.said(Transformed), run.said(Loaded), storage=run.storage, at=run.clock.stamp()
    )
    return event


@contextlib.contextmanager
def _database(run: Import) -> Any:
    from stages.database import open_database

    with open_database(run.settings) as database:
        yield database


def check_before(request: ImportRequested, settings: Settings, storage: Storage) -> None:
    """Everything that can be told before the first request: key, tables, catalogue."""
    from stages.catalog import current_snapshot
    from stages.database import open_database

    settings.require_client_id()
    with open_database(settings) as database:
        database.prepare()
        if request.add_missing and database.titles_is_view():
            raise BadInput(
                "--add-missing cannot add to titles, which is a view", "Add the titles to the application's own tables."
            )
        current_snapshot(database, storage, allow_empty=request.add_missing)


ROUTES: dict[type[Any], Callable[[Import], AnyEvent]] = {
    ImportRequested: _extract,
    Extracted: _transform,
    Transformed: _load,
    Loaded: _report,
}
