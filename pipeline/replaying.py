"""Pictures once more against today's catalogue: in micro-batches, without a request, nobody's failure stopping another."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from pipeline.errors import TraktImportError
from pipeline.extraction import picture_again
from pipeline.locks import user_lock
from pipeline.microbatch import finish
from pipeline.run import Import
from pipeline.storage import Storage, write_at_once

# Users of one transform statement and one load transaction: enough to make each nearly free, few enough for memory.
MICRO_BATCH = 150
# While one is loaded, another one is transformed.
AT_ONCE = 2


def replay_all(runs: Sequence[Import], done: Callable[[Import], None]) -> None:
    """Transform and load the pictures of all these users again; `done` is told of each run as it ends.

    After a Ctrl-C the micro-batches that are at work come to their end, and no other is begun.
    """
    first, *others = _batches(runs)
    if not others:
        _replay(first)
        _tell(first, done)
        return
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="replay")
    try:
        for part, ended in [(part, pool.submit(_replay, part)) for part in (first, *others)]:
            ended.result()
            _tell(part, done)
    finally:
        pool.shutdown(cancel_futures=True)


def _replay(part: Sequence[Import]) -> None:
    """Bring the runs of one micro-batch to their end."""
    with contextlib.ExitStack() as locks:
        refused = {slug: _lock(locks, part[0].storage, slug) for slug in {run.request.user for run in part}}
        write_at_once(_begin, part, [refused[run.request.user] for run in part])
        finish([run for run in part if run.error is None])


def _tell(part: Sequence[Import], done: Callable[[Import], None]) -> None:
    for run in part:
        done(run)
        # What is told is not needed any more: memory must not grow with the users.
        run.events, run.report = run.events[:1], None


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


def _batches(runs: Sequence[Import]) -> Iterator[list[Import]]:
    """Micro-batches; all runs of one profile are in one, since they share its lock."""
    part: list[Import] = []
    for _, profile in groupby(sorted(runs, key=lambda run: run.request.user), key=lambda run: run.request.user):
        if len(part) >= MICRO_BATCH:
            yield part
            part = []
        part += profile
    yield part
