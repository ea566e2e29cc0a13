"""One import of a profile at a time, one process to a run; a lock dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import Running, StorageError
from pipeline.storage import Storage


@contextmanager
def user_lock(storage: Storage, slug: str) -> Iterator[None]:
    """Hold the lock of this profile; `Running` where another process does."""
    path = storage.root / "locks" / f"{slug}.lock"
    with _held(path.parent, path, os.O_CREAT | os.O_RDWR, f"another process is importing {slug}"):
        yield


@contextmanager
def night_lock(storage: Storage) -> Iterator[None]:
    """Hold the lock of the nightly batch; `Running` while another one is at work."""
    path = storage.root / "locks" / ".night.lock"
    with _held(path.parent, path, os.O_CREAT | os.O_RDWR, "another batch is at work"):
        yield


@contextmanager
def run_lock(storage: Storage, run_id: str) -> Iterator[None]:
    """Hold the lock of this run, its folder; `Running` where another process is at work on it."""
    path = storage.root / "runs" / run_id
    with _held(path, path, os.O_RDONLY, f"another process is at work on run {run_id}"):
        yield


def is_free(storage: Storage, run_id: str) -> bool:
    """Whether nobody is at work on the run."""
    try:
        with run_lock(storage, run_id):
            return True
    except Running:
        return False


@contextmanager
def _held(folder: Path, path: Path, flags: int, whose: str) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, flags, 0o600)
    except OSError as error:
        raise StorageError(f"{path} ({error.strerror})", "Look at rights and free space under DATA_URL.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Running(whose, "Wait for it to end, then try again.") from None
        yield
    finally:
        os.close(handle)
