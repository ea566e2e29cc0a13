"""Runs whose picture is that of the user's last import: their rows stand, and only that they were looked at is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipeline.events import Counts, Extracted, ImportRequested, Loaded
from pipeline.journal import Journal
from pipeline.storage import Storage
from stages.database import Database
from stages.load.accounts import record
from stages.load.patience import patiently

Asked = Sequence[tuple[ImportRequested, Extracted]]
UNREAD = ("profile", "stats")


def standing(batch: Asked, *, database: Database, storage: Storage, snapshot: str, at: str) -> list[Loaded]:
    """The `Loaded` events of those runs that have nothing to transform and load, and nothing else; nothing is written.

    Their inputs are those of the user's last import, resolved against this snapshot of the catalogue, and nothing that
    was being watched then has ended since.
    """
    plain = [
        (request, event)
        for request, event in batch
        if request.mode == "update"
        and not (request.dry_run or request.add_missing or request.prune)
        and request.source == "api"
    ]
    found = []
    for request, event in plain:
        rows = database.execute(
            "select r.run_id, r.batch_id, r.imported_count, r.skipped_count, r.error_count from trakt_accounts as a "
            "join import_runs as r on r.run_id = a.last_run_id "
            "where a.user_id = ? and r.status = 'completed' and r.mode <> 'new' and r.catalog_snapshot = ?",
            (event.user_id, snapshot),
        )
        if rows:
            run_id, batch_id, imported, skipped, errors = rows[0]
            tables = _same(storage, run_id, batch_id, event)
            if tables is not None:
                found.append(
                    Loaded(
                        run_id=request.run_id,
                        at=at,
                        batch_id=batch_id,
                        imported_count=0,
                        skipped_count=imported + skipped,
                        error_count=errors,
                        tables=tables,
                        unchanged_since=run_id,
                        catalog_snapshot=snapshot,
                    )
                )
    return found


def stand(batch: Sequence[tuple[ImportRequested, Extracted, Loaded]], *, database: Database, snapshot: str) -> None:
    """Write that these runs are done, in one transaction; `last_run_id` stays."""
    patiently(lambda: _stand(batch, database, snapshot))


def _stand(batch: Sequence[tuple[ImportRequested, Extracted, Loaded]], database: Database, snapshot: str) -> None:
    with database.transaction():
        for request, extracted, loaded in batch:
            database.execute("delete from import_runs where run_id = ?", (request.run_id,))
            database.execute(
                "insert into import_runs (run_id, batch_id, user_id, trakt_username, trakt_slug, source, mode, status, "
                "catalog_snapshot, requested_at, finished_at, imported_count, skipped_count, error_count) "
                "values (?, ?, ?, ?, ?, ?, ?, 'completed', ?, ?, ?, 0, ?, ?)",
                (
                    request.run_id,
                    request.run_id,
                    extracted.user_id,
                    extracted.trakt_username,
                    extracted.trakt_slug,
                    request.source,
                    request.mode,
                    snapshot,
                    request.at,
                    loaded.at,
                    loaded.skipped_count,
                    loaded.error_count,
                ),
            )
        imports = [(extracted, loaded.unchanged_since, None) for _, extracted, loaded in batch]
        record(database, imports, batch[0][2].at)


def _same(storage: Storage, run_id: str, batch_id: str, event: Extracted) -> dict[str, Counts] | None:
    """The rows of each table, where the run `run_id` stood on the same files as this one and these are still there."""
    said = Journal(storage, run_id).events()
    before = next((told for told in reversed(said) if isinstance(told, Extracted)), None)
    loaded = next((told for told in reversed(said) if isinstance(told, Loaded)), None)
    if before is None or loaded is None or _read(before) != _read(event):
        return None
    if not storage.exists(f"resolved/outcomes/batch={batch_id}") or not storage.exists(f"reports/{run_id}.json"):
        return None
    ends = event.marks["watching"].newest if "watching" in event.marks else None
    if ends is not None and _moment(before.at) < _moment(ends) <= _moment(event.at):
        return None
    return {name: Counts(resolved=counts.resolved, unchanged=counts.resolved) for name, counts in loaded.tables.items()}


def _read(event: Extracted) -> dict[str, tuple[str, ...]]:
    return {endpoint: runs for endpoint, runs in event.inputs.items() if endpoint not in UNREAD}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
