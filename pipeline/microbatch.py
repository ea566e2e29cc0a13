"""The bus, for one run or for many at once: each event rings the stage that it is for, until the report is written.

Runs that are equally far go through a stage together: one transform statement, one load transaction. Where that
breaks, they are split until the one that breaks it stands alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.errors import DatabaseError, TraktImportError, Unbalanced
from pipeline.events import AnyEvent, Ended, Extracted, ImportRequested, Loaded, Reported, Transformed
from pipeline.extraction import extract_alone, picture_again
from pipeline.run import Import, new_run_id, rewind
from pipeline.storage import write_at_once

Batch = Sequence[Import]


def finish(batch: Batch) -> None:
    """Bring all these runs to their end; `error` of a run says how it ended early, and its user is let go of.

    Runs that failed before are left as they are. `KeyboardInterrupt` is written down, then raised.
    """
    try:
        for runs in _equally_far(batch):
            _together(runs)
    except (KeyboardInterrupt, asyncio.CancelledError):
        for run in batch:
            if run.error is None and not isinstance(run.last, Ended):
                run.fail(KeyboardInterrupt())
        raise KeyboardInterrupt from None
    finally:
        for run in batch:
            run.held.close()


def _equally_far(batch: Batch) -> list[list[Import]]:
    """The runs that can go on together: at the same event, of the same batch, all dry or none."""
    groups: dict[object, list[Import]] = {}
    for run in batch:
        if run.error is None:
            batch_id, since = getattr(run.last, "batch_id", None), getattr(run.last, "unchanged_since", None)
            groups.setdefault((type(run.last), batch_id, bool(since), run.request.dry_run), []).append(run)
    return list(groups.values())


def _together(batch: Batch) -> None:
    try:
        _go_on(batch)
    except Exception as error:
        if len(batch) == 1 or not _of_one(error, batch[0]):
            for run in batch:
                run.fail(error)
            return
        # Whoever is committed already is only to be told; the others begin again behind extract, as new batches.
        rewind(batch)
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            for runs in _equally_far(half):
                _together(runs)
        return
    for run in batch:
        if not run.said(Reported).balanced:
            hint = "The rows are written; please report this."
            run.error = Unbalanced(f"see trakt-import report {run.request.run_id}", hint)


def _go_on(batch: Batch) -> None:
    while True:
        if isinstance(batch[0].last, Extracted) and (standing := _stand(batch)):
            _go_on(standing)
            batch = [run for run in batch if not any(run is other for other in standing)]
            if not batch:
                return
        handler = ROUTES.get(type(batch[0].last))
        if handler is None:
            return
        batch[0].progress.stage(handler.__name__.removeprefix("_"))
        write_at_once(Import.publish, batch, handler(batch))


def _of_one(error: Exception, run: Import) -> bool:
    """Whether one of the batch may be to blame: not where the database is away for all."""
    if not isinstance(error, DatabaseError):
        return True
    try:
        with run.database() as database:
            database.version()
    except TraktImportError:
        return False
    return True


def _extract(batch: Batch) -> list[AnyEvent]:
    return [picture_again(run) if run.request.source == "replay" else extract_alone(run) for run in batch]


def _transform(batch: Batch) -> list[Transformed]:
    from stages.catalog import current_snapshot
    from stages.load import baseline
    from stages.transform import Baseline, transform

    first = batch[0]
    with first.database() as database:
        allow_empty = any(run.request.add_missing for run in batch)
        snapshot = current_snapshot(database, first.storage, allow_empty=allow_empty)
        bases = {
            run.request.run_id: Baseline(*baseline(database, run.said(Extracted).user_id, run.request.mode))
            for run in batch
        }
    return transform(
        [(run.request, run.said(Extracted)) for run in batch],
        bases,
        storage=first.storage,
        snapshot=snapshot,
        batch_id=first.request.run_id if len(batch) == 1 else new_run_id(),
        at=first.clock.stamp(),
    )


def _stand(batch: Batch) -> list[Import]:
    """Write that nothing changed, for those runs of which that is so; their rows in the database stand."""
    from stages.catalog import current_snapshot
    from stages.load import refuse_blocked, stand, standing

    first = batch[0]
    with first.database() as database:
        refuse_blocked(database, [run.said(Extracted).user_id for run in batch])
        allow_empty = any(run.request.add_missing for run in batch)
        snapshot = current_snapshot(database, first.storage, allow_empty=allow_empty)
        found = standing(
            [(run.request, run.said(Extracted)) for run in batch],
            database=database,
            storage=first.storage,
            snapshot=snapshot,
            at=first.clock.stamp(),
        )
        if not found:
            return []
        events = {event.run_id: event for event in found}
        runs = [run for run in batch if run.request.run_id in events]
        told = [(run.request, run.said(Extracted), events[run.request.run_id]) for run in runs]
        stand(told, database=database, snapshot=snapshot)
    for run in runs:
        run.publish(events[run.request.run_id])
    return runs


def _load(batch: Batch) -> list[Loaded]:
    from stages.load import load

    first = batch[0]
    with first.database() as database:
        loaded = load(
            [(run.request, run.said(Extracted), run.said(Transformed)) for run in batch],
            database=database,
            storage=first.storage,
            at=first.clock.stamp(),
        )
    # A batch that was committed before is told whole, of which only some may be asked for.
    events = {event.run_id: event for event in loaded}
    return [events[run.request.run_id] for run in batch]


def _report(batch: Batch) -> list[Reported]:
    from stages.report import report, report_standing

    first = batch[0]
    if first.said(Loaded).unchanged_since:
        events = []
        for run in batch:
            event, run.report = report_standing(
                run.said(Extracted), run.said(Loaded), storage=run.storage, at=run.clock.stamp()
            )
            events.append(event)
        return events
    told = report(
        [(run.said(Extracted), run.said(Transformed), run.said(Loaded)) for run in batch],
        storage=first.storage,
        at=first.clock.stamp(),
    )
    for run, (_, result) in zip(batch, told, strict=True):
        run.report = result
    return [event for event, _ in told]


ROUTES: dict[type[Any], Callable[[Batch], Sequence[AnyEvent]]] = {
    ImportRequested: _extract,
    Extracted: _transform,
    Transformed: _load,
    Loaded: _report,
}
