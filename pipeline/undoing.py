"""Undo a run: under its user's lock, told in its journal once the database has it."""

from __future__ import annotations

from typing import Any

from pipeline.clock import Clock
from pipeline.errors import BadInput
from pipeline.events import AnyEvent, Extracted, Loaded, Transformed, Undone
from pipeline.journal import Journal, find_run, state
from pipeline.locks import run_lock, user_lock
from pipeline.settings import Settings
from pipeline.storage import Storage


def undo_run(run_id: str, *, settings: Settings, storage: Storage, clock: Clock) -> tuple[Undone, list[dict[str, Any]]]:
    """Put back what the run wrote; the event, and the rows that were left since something has changed them.

    Raises `BadInput` for a run that is unknown, wrote nothing or is not in its turn, `Running` while its user is being
    imported, `DatabaseError` and `StorageError` with nothing put back.
    """
    from stages.database import open_database, prepare
    from stages.load import AlreadyUndone, accounts, undo

    journal = Journal(storage, find_run(storage, run_id))
    with run_lock(storage, journal.run_id):
        events = journal.events()
        extracted = _loaded(events)
        with open_database(settings) as database:
            prepare(database)
            known = accounts(database, user_id=extracted.user_id)
            with user_lock(storage, known[0].trakt_slug if known else extracted.trakt_slug):
                wrote = any(isinstance(event, Transformed) for event in events)
                at = clock.stamp()
                try:
                    event, left = undo(journal.run_id, database=database, storage=storage, at=at, wrote=wrote)
                except AlreadyUndone:
                    if not any(isinstance(said, Undone) for said in events):
                        # The commit is there, only its event is not.
                        last = known[0].last_run_id if known else None
                        journal.append(Undone(run_id=journal.run_id, at=at, tables={}, last_run_id=last))
                    raise
                journal.append(event)
    return event, left


def _loaded(events: list[AnyEvent]) -> Extracted:
    """What a run that wrote to the database had read; `BadInput` for any other."""
    told = state(events)
    reached = {type(event): event for event in events}
    extracted, loaded = reached.get(Extracted), reached.get(Loaded)
    if not isinstance(extracted, Extracted) or (isinstance(loaded, Loaded) and loaded.dry_run):
        why = {"dry": "was a dry run", "running": "is not finished"}.get(told["status"], f"ended as {told['status']}")
        raise BadInput(f"run {told['run_id']} {why} and wrote nothing", "List the runs with: trakt-import runs")
    return extracted


def told(event: Undone, left: list[dict[str, Any]]) -> list[str]:
    """What an undo did, for a person."""
    lines = [f"{'':<18}{'removed':>9}{'restored':>10}{'brought back':>14}{'left':>6}"] if event.tables else []
    lines += [
        f"{name.replace('_', ' '):<18}{put.removed:>9}{put.restored:>10}{put.brought_back:>14}{put.left:>6}"
        for name, put in event.tables.items()
    ]
    if left:
        lines.append("Left as they are, since something has changed them after the run:")
        lines += [f"  {_place(row)}: {row['changed']}" for row in left]
    baseline = f"run {event.last_run_id} is the user's last one again" if event.last_run_id else "no run stands now"
    lines.append(f"Run {event.run_id} is undone; {baseline}.")
    return [*lines, "The next import brings again what Trakt still shows."]


def _place(row: dict[str, Any]) -> str:
    parts = [row["table"], row["title_id"]]
    parts += [f"{name} {row[name]}" for name in ("season", "episode", "history_id") if row.get(name) is not None]
    return " ".join(parts)
