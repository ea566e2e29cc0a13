"""What crashes, interruptions and outages left behind: which runs are to be gone on with, which are to be closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.clock import Clock
from pipeline.errors import BadInput
from pipeline.events import AnyEvent, Ended, ImportFailed, ImportRequested, Loaded
from pipeline.journal import INTERRUPTED, Journal, run_ids
from pipeline.locks import is_free
from pipeline.storage import Storage

# Storage, database, Trakt, or a person: what ended the run may have passed.
PASSING = (6, 7, INTERRUPTED)
# Seconds after which `run` does not go on with what lies there.
FRESH = 24 * 3600.0
NOTHING_TO_DO = "Nothing is to be done."


def unfinished(storage: Storage) -> list[str]:
    """The runs that `resume` goes on with, oldest first: left by a crash, an interruption, or exit 6 or 7."""
    found = [run_id for run_id in run_ids(storage) if is_open(Journal(storage, run_id).events())]
    return [run_id for run_id in reversed(found) if is_free(storage, run_id)]


def leftover(request: ImportRequested, storage: Storage, clock: Clock) -> str | None:
    """The unfinished run of the same user with the same options that `request` goes on with instead of a new one.

    One that is older than 24 hours is closed as failed. A run that another process is at work on is left alone.
    """
    storage.sweep(*storage.folders("catalog"))
    for run_id, events in _runs_of(request, storage, clock):
        asked, last = events[0], events[-1]
        if isinstance(last, Ended) and _said(events, Loaded, dry_run=False):
            return None
        if not (is_open(events) and _same(asked, request) and is_free(storage, run_id)):
            continue
        age = clock.now() - dt.datetime.fromisoformat(asked.at).timestamp()
        if age <= FRESH:
            return run_id
        close(storage, events, "left unfinished for more than 24 hours", clock)
    return None


def close(storage: Storage, events: list[AnyEvent], why: str, clock: Clock) -> None:
    """Say in the journal that nobody goes on with this run."""
    last = next(event for event in reversed(events) if not isinstance(event, ImportFailed))
    Journal(storage, last.run_id).append(
        ImportFailed(
            run_id=last.run_id,
            at=clock.stamp(),
            stage=type(last).__name__,
            error=why,
            hint=NOTHING_TO_DO,
            exit_code=BadInput.exit_code,
        )
    )


def is_open(events: Sequence[AnyEvent]) -> bool:
    """Whether a run with these events is to be gone on with."""
    last = events[-1]
    if any(isinstance(event, Ended) for event in events):
        # A disk may refuse after the last event has its name: nothing is left to do then.
        return False
    return not isinstance(last, ImportFailed) or last.exit_code in PASSING


def sweep_run(storage: Storage, run_id: str) -> None:
    """Remove what torn writes of a run that nobody is at work on left behind, staged pages apart."""
    storage.sweep(f"runs/{run_id}/events", "reports", "loaded/events", *storage.folders("catalog"))
    for room in ("resolved", "before", "loaded"):
        storage.sweep(*(f"{table}/batch={run_id}" for table in storage.folders(room)))


def _runs_of(request: ImportRequested, storage: Storage, clock: Clock) -> Iterator[tuple[str, list[AnyEvent]]]:
    """The user's runs, newest first: those of the last day, and those that got as far as the profile."""
    user = _asked(request)
    # Ids sort by time: a UUIDv7 begins with its milliseconds.
    since = f"{int((clock.now() - FRESH) * 1000):012x}"
    recent = [name for name in storage.names("runs") if name.replace("-", "") >= since]
    staged = [name.removeprefix("run=") for name in storage.names(f"staged/profile/user={user}")]
    for run_id in sorted({*recent, *staged} - {request.run_id}, reverse=True):
        events = Journal(storage, run_id).events()
        if not events:
            # Killed while it was being written down.
            storage.sweep(f"runs/{run_id}/events")
        elif isinstance(events[0], ImportRequested) and (run_id in staged or _asked(events[0]) == user):
            yield run_id, events


def _asked(request: ImportRequested) -> str:
    from stages.extract.names import asked_name

    return asked_name(request.user).slug


def _same(asked: AnyEvent, request: ImportRequested) -> bool:
    """Whether two requests ask for the same, by whatever spelling of the name."""
    return isinstance(asked, ImportRequested) and request == msgspec.structs.replace(
        asked, run_id=request.run_id, at=request.at, user=request.user
    )


def _said(events: list[AnyEvent], kind: type[Loaded], *, dry_run: bool) -> bool:
    return any(isinstance(event, kind) and event.dry_run == dry_run for event in events)
