"""Pictures once more against today's catalogue: in micro-batches, without a request, nobody's failure stopping another."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from pipeline.errors import TraktImportError
from pipeline.extraction import picture_again
from pipeline.locks import user_lock
from pipeline.microbatch import finish
from pipeline.run import Import
from pipeline.storage import Storage, write_at_once

# Users of one transform statement and one load transaction: enough to make each nearly free, few enough for memory.
MICRO_BATCH = 200


def replay_all(runs: Sequence[Import], done: Callable[[Import], None]) -> None:
    """Transform and load the pictures of all these users again; `done` is told of each run as it ends."""
    for part in _batches(runs):
        with contextlib.ExitStack() as locks:
            refused = {slug: _lock(locks, part[0].storage, slug) for slug in {run.request.user for run in part}}
            write_at_once(_begin, part, [refused[run.request.user] for run in part])
            finish([run for run in part if run.error is None])
        for run in part:
            done(run)


def _lock(locks: contextlib.ExitStack, storage: Storage, slug: str) -> TraktImportError | None:
    """Take the lock that serves all the runs of one profile; the error where it cannot be had."""
    try:
        locks.enter_context(user_lock(storage, slug))
    except TraktImportError as error:
        return error
    return None


def _begin(run: Import, refused: TraktImportError | None) -> None:
    """Write down what a run begins with."""
    run.locked = True
    try:
        run.begin()
        if refused is not None:
            raise refused
        run.publish(picture_again(run))
    except TraktImportError as error:
        run.fail(error)


def _batches(runs: Sequence[Import]) -> Iterator[Sequence[Import]]:
    ordered = sorted(runs, key=lambda run: run.request.user)
    for start in range(0, len(ordered), MICRO_BATCH):
        yield ordered[start : start + MICRO_BATCH]
