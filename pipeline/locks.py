"""One import of a profile at a time, across processes; the lock dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import Running, StorageError
from pipeline.storage import Storage


@contextmanager
def user_lock(storage: Storage, slug: str) -> Iterator[None]:
    """Hold the lock of this profile; `Running` where another process does."""
    path = storage.root / "locks" / f"{slug}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StorageError(f"{path} ({error.strerror})", "Look at rights and free space under DATA_URL.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Running(f"another process is importing {slug}", "Wait for it to end, then try again.") from None
        yield
    finally:
        os.close(handle)
