"""Compare, write the files, then the rows: one transaction for all the runs of a batch."""

from __future__ import annotations

import contextlib

import msgspec

from pipeline.events import Loaded
from pipeline.storage import Storage
from stages.database import LOCK_TIMEOUT, Database, RowsChanged, RowsLocked
from stages.load.accounts import record, refuse_blocked
from stages.load.comparison import Batch, Comparison
from stages.load.merge import compare
from stages.load.patience import patiently
from stages.load.rows import complete_runs, lock_users, write

# Made once: made in several threads at the same time, a decoder may read from nowhere.
_told = msgspec.json.Decoder(list[Loaded])
COMPARISONS = 5
"""So often is a batch compared; the last time with the rows locked meanwhile, so that it comes to an end."""
AT_FIRST = 20
"""So long (milliseconds) is a held row waited for while others are written already; then all are locked before the first is."""


def load(batch: Batch, *, database: Database, storage: Storage, at: str) -> list[Loaded]:
    """Merge the resolved rows of a batch into the database; one commit for all its runs, or none.

    Everything is compared, and the files and temporary tables are written, before the first row is: then come the
    statements that write, which check that each row is still as it was compared, and the commit. A row that is not
    has the batch compared again.

    Before the commit `before/` and `loaded/outcomes` are written, so that whatever is committed can be put back
    and told. A dry run writes `loaded/outcomes` alone. Raises `DatabaseError`, `StorageError`, or `BadInput` where a
    user is blocked; then nothing is written to the database.
    """
    told = f"loaded/events/batch={batch[0][2].batch_id}.json"
    for last in (False,) * (COMPARISONS - 1) + (True,):
        if database.execute("select 1 from import_runs where run_id = ?", (batch[0][2].run_id,)):
            # The commit is there, only its event is not: what was written down before it is what happened.
            return _told.decode(storage.read(told))
        refuse_blocked(database, [extracted.user_id for _, extracted, _ in batch])
        with contextlib.suppress(RowsChanged) if not last else contextlib.nullcontext():
            return _attempt(batch, database, storage, at, told, last)
    raise AssertionError("the last attempt returns or raises")


def _attempt(batch: Batch, database: Database, storage: Storage, at: str, told: str, hold: bool) -> list[Loaded]:
    """Compare once and write; with `hold`, the users' rows are locked before they are compared."""
    if hold:
        return patiently(lambda: _held(batch, database, storage, at, told))
    with compare(batch, database, storage, at) as comparison:
        loaded = _compared(batch, storage, comparison, at, told)
        if not batch[0][0].dry_run:
            try:
                _written(batch, database, comparison, at)
            except RowsLocked:
                patiently(lambda: _written(batch, database, comparison, at, lock=True))
    return loaded


def _held(batch: Batch, database: Database, storage: Storage, at: str, told: str) -> list[Loaded]:
    with database.transaction():
        database.wait_briefly()
        lock_users(database, [extracted.user_id for _, extracted, _ in batch])
        with compare(batch, database, storage, at) as comparison:
            loaded = _compared(batch, storage, comparison, at, told)
            _write(batch, database, comparison, at)
    return loaded


def _written(batch: Batch, database: Database, comparison: Comparison, at: str, *, lock: bool = False) -> None:
    with database.transaction():
        database.wait_briefly(LOCK_TIMEOUT if lock else AT_FIRST)
        _write(batch, database, comparison, at, lock=lock)


def _compared(batch: Batch, storage: Storage, comparison: Comparison, at: str, told: str) -> list[Loaded]:
    """What else comes before the first row is written: the events, on file."""
    dry_run, batch_id = batch[0][0].dry_run, batch[0][2].batch_id
    loaded = [
        Loaded(
            run_id=transformed.run_id,
            at=at,
            batch_id=batch_id,
            imported_count=comparison.titles[number]["imported"],
            skipped_count=comparison.titles[number]["skipped"],
            error_count=comparison.titles[number]["error"],
            tables=comparison.counts[number],
            dry_run=dry_run,
        )
        for number, (_, _, transformed) in enumerate(batch)
    ]
    if not dry_run:
        storage.write(told, msgspec.json.encode(loaded))
    return loaded


def _write(batch: Batch, database: Database, comparison: Comparison, at: str, *, lock: bool = False) -> None:
    imports = [
        (extracted, base, transformed.run_id)
        for (_, extracted, transformed), base in zip(batch, comparison.bases, strict=True)
    ]
    record(database, imports, at)
    write(database, comparison, at, lock=lock)
    complete_runs(database, batch, comparison.titles, at)
