"""Compare, write the files, write the rows: one transaction for all the runs of a batch."""

from __future__ import annotations

import msgspec

from pipeline.events import Loaded
from pipeline.storage import Storage
from stages.database import Database
from stages.load.merge import Batch, compare
from stages.load.rows import complete_run, write


def load(batch: Batch, *, database: Database, storage: Storage, at: str) -> list[Loaded]:
    """Merge the resolved rows of a batch into the database; one commit for all its runs, or none.

    Before the commit `before/` and `loaded/outcomes` are written, so that whatever is committed can be put back
    and told. A dry run writes `loaded/outcomes` alone. Raises `DatabaseError` or `StorageError`; then nothing is
    written to the database.
    """
    dry_run = batch[0][0].dry_run
    batch_id = batch[0][2].batch_id
    told = f"loaded/events/batch={batch_id}.json"
    with database.transaction():
        if database.execute("select 1 from import_runs where run_id = ?", (batch[0][2].run_id,)):
            # The commit is there, only its event is not: what was written down before it is what happened.
            return msgspec.json.decode(storage.read(told), type=list[Loaded])
        comparison = compare(batch, database, storage, batch_id, at)
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
            write(database, comparison, at)
            for number, (request, extracted, transformed) in enumerate(batch):
                complete_run(database, request, extracted, transformed, comparison.titles[number], at)
    return loaded
