"""The journal: one immutable file per event, the truth of a run; a run's state is the fold of its events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.errors import BadInput
from pipeline.events import AnyEvent, Extracted, ImportFailed, ImportRequested, Loaded, Reported, Transformed, Undone
from pipeline.storage import Storage

_decoder = msgspec.json.Decoder(AnyEvent)
INTERRUPTED = 130


class Journal:
    """The events of one run, in `runs/<run_id>/events/`."""

    def __init__(self, storage: Storage, run_id: str) -> None:
        self.storage = storage
        self.run_id = run_id
        self.folder = f"runs/{run_id}/events"

    def append(self, event: AnyEvent) -> None:
        """Write the event; its number is the next free one."""
        number = len(self.storage.names(self.folder)) + 1
        name = f"{self.folder}/{number:05}-{type(event).__name__}.json"
        self.storage.write(name, msgspec.json.encode(event))

    def events(self) -> list[AnyEvent]:
        """Every event, oldest first."""
        names = self.storage.names(self.folder)
        return [_decoder.decode(self.storage.read(f"{self.folder}/{name}")) for name in names]


def run_ids(storage: Storage) -> list[str]:
    """Every run with a journal, newest first (ids sort by time)."""
    return [run_id for run_id in reversed(storage.names("runs")) if storage.names(f"runs/{run_id}/events")]


def find_run(storage: Storage, run_id: str | None) -> str:
    """The run by its id, or the newest one for None or `last`; `BadInput` for one that is not there."""
    ids = run_ids(storage)
    if run_id in (None, "last"):
        if not ids:
            raise BadInput("there is no run yet", "Start with: trakt-import run USER")
        return ids[0]
    if run_id not in ids:
        raise BadInput(
            f"no run {run_id}",
            "List the runs with: trakt-import runs (compact removes those older than RETENTION_DAYS)",
        )
    return str(run_id)


def last_extracted(storage: Storage, slug: str) -> Extracted | None:
    """The newest `Extracted` event of a run that staged something of this profile: what its last good reads are."""
    staged = {run for endpoint in storage.names("staged") for run in storage.names(f"staged/{endpoint}/user={slug}")}
    for run in sorted(staged, reverse=True):
        for event in reversed(Journal(storage, run.removeprefix("run=")).events()):
            if isinstance(event, Extracted):
                return event
    return None


def state(events: list[AnyEvent]) -> dict[str, Any]:
    """The fold: one run in the columns of `import_runs`, `status` also running, failed, interrupted, dry."""
    row: dict[str, Any] = dict.fromkeys(
        (
            "run_id",
            "batch_id",
            "user_id",
            "trakt_username",
            "trakt_slug",
            "source",
            "mode",
            "status",
            "catalog_snapshot",
            "requested_at",
            "finished_at",
            "imported_count",
            "skipped_count",
            "error_count",
        )
    )
    for event in events:
        row["run_id"] = event.run_id
        match event:
            case ImportRequested():
                row |= {"source": event.source, "mode": event.mode, "status": "running", "requested_at": event.at}
                row |= {"user_id": event.user_id, "trakt_username": event.user}
            case Extracted():
                row |= {"user_id": event.user_id, "trakt_username": event.trakt_username}
                row["trakt_slug"] = event.trakt_slug
            case Transformed():
                row |= {"batch_id": event.batch_id, "catalog_snapshot": event.catalog_snapshot}
            case Loaded():
                row |= {"status": "dry" if event.dry_run else "completed", "finished_at": event.at}
                row |= {"imported_count": event.imported_count, "skipped_count": event.skipped_count}
                row["error_count"] = event.error_count
                if event.unchanged_since:
                    row |= {"batch_id": event.run_id, "catalog_snapshot": event.catalog_snapshot}
            case ImportFailed() if row["status"] in ("completed", "dry"):
                pass  # The rows are committed; only the report is missing, or its event was told too late.
            case ImportFailed():
                row["status"] = "interrupted" if event.exit_code == INTERRUPTED else "failed"
            case Undone():
                row["status"] = "undone"
            case Reported():
                pass
    return row


def as_json(events: list[AnyEvent]) -> Iterator[dict[str, Any]]:
    """Each event as `{seq, event, run_id, at, …}`."""
    for number, event in enumerate(events, 1):
        yield {"seq": number, **msgspec.to_builtins(event)}
