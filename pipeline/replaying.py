"""Pictures once more against today's catalogue: in micro-batches, without a request, nobody's failure stopping another."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from pipeline.errors import TraktImportError
from pipeline.extraction import picture_again
from pipeline.locks import user_lock
from pipeline.microbatch import finish
from pipeline.run import Import

# Users of one transform statement and one load transaction: enough to make each nearly free, few enough for memory.
MICRO_BATCH = 200


def replay_all(runs: Sequence[Import], done: Callable[[Import], None]) -> None:
    """Transform and load the pictures of all these users again; `done` is told of each run as it ends."""
    for part in _batches(runs):
        with contextlib.ExitStack() as locks:
            for slug, group in groupby(part, key=lambda run: run.request.user):
                _locked(locks, slug, list(group))
            finish([run for run in part if run.error is None])
        for run in part:
            done(run)


def _locked(locks: contextlib.ExitStack, slug: str, runs: Sequence[Import]) -> None:
    """Publish what each run begins with; one lock serves all the runs of one profile."""
    failure: TraktImportError | None = None
    try:
        locks.enter_context(user_lock(runs[0].storage, slug))
    except TraktImportError as error:
        failure = error
    for run in runs:
        run.locked = True
        try:
            run.begin()
            if failure is not None:
                raise failure
            run.publish(picture_again(run))
        except TraktImportError as error:
            run.fail(error)


def _batches(runs: Sequence[Import]) -> Iterator[Sequence[Import]]:
    ordered = sorted(runs, key=lambda run: run.request.user)
    for start in range(0, len(ordered), MICRO_BATCH):
        yield ordered[start : start + MICRO_BATCH]
