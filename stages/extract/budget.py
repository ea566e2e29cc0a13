"""One budget for all processes of a machine that use the same key: what the others took of the window counts too.

The requests of the current window stand in a small file of the machine's folder for temporary files, named by a hash
of key and address, changed under a lock. It is a help, not a truth: where it cannot be kept, every process goes by
its own count and by what Trakt's answers say. Whoever sits at the keyboard goes first: a batch holds back while a
lone import is at work.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.settings import Settings

# Seconds for which a lone import that asked goes before a batch.
FIRST_FOR = 2.0
# Far from the limit a process takes up to so many requests at once, to be used within so many seconds.
LOT, LOT_FOR = 10, 0.1


class Window(msgspec.Struct):
    """What all processes took of the window that ends at `until` (seconds since 1970)."""

    until: float = 0.0
    limit: int = 0
    taken: int = 0
    blocked_until: float = 0.0
    first_until: float = 0.0


class Budget:
    """The window of one key at one address; `patient` says that this process lets others go first."""

    def __init__(self, path: Path | None, *, patient: bool = False) -> None:
        self.patient = patient
        self._path = path
        self._seen = Window()
        self._lot, self._lot_until = 0, 0.0

    def take(self, now: float, limit: int, period: float) -> float:
        """Take one request of the window: 0.0, or how many seconds to wait before asking again."""
        if self._lot and now < self._lot_until:
            self._lot -= 1
            return 0.0
        with self._changed() as window:
            if window is None:
                return 0.0
            self._return_lot(window)
            if now >= window.until:
                window.until, window.limit, window.taken = now + period, limit, 0
            wait = max(window.blocked_until - now, 0.0)
            if not wait and window.taken >= window.limit:
                wait = window.until - now
            if self.patient:
                wait = max(wait, window.first_until - now)
            else:
                window.first_until = max(window.first_until, now + wait + FIRST_FOR)
            if wait <= 0:
                lot = min(LOT, max(1, (window.limit - window.taken) // 50))
                window.taken += lot
                self._lot, self._lot_until = lot - 1, now + LOT_FOR
            return max(wait, 0.0)

    def _return_lot(self, window: Window) -> None:
        """What was taken and not used goes back to the window that it came from."""
        if window.until == self._seen.until:
            window.taken -= min(self._lot, window.taken)
        self._lot = 0

    def heed(self, now: float, limit: int, remaining: int, until: float) -> None:
        """An answer says how many requests are left until when."""
        seen = self._seen
        if (until, limit) == (seen.until, seen.limit) and limit - remaining <= seen.taken:
            # What all processes took is no news to them.
            return
        with self._changed() as window:
            if window is None or until <= now:
                return
            if until > window.until + 5:
                window.taken = self._lot = 0
            window.until, window.limit = until, limit
            window.taken = max(window.taken, limit - remaining)

    def block(self, until: float) -> None:
        """Nobody is to ask until then."""
        with self._changed() as window:
            if window is not None:
                self._return_lot(window)
                window.blocked_until = max(window.blocked_until, until)

    def leave(self, now: float) -> None:
        """An import is done: what it has left is for others, and nobody has to hold back for it."""
        with self._changed() as window:
            if window is None:
                return
            self._return_lot(window)
            if not self.patient:
                window.first_until = now

    @contextlib.contextmanager
    def _changed(self) -> Iterator[Window | None]:
        """The window, to be changed; None where it cannot be kept."""
        if self._path is None:
            yield None
            return
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            self._path = None
            yield None
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                window = msgspec.json.decode(os.pread(handle, 4096, 0), type=Window)
            except msgspec.MsgspecError:
                window = Window()
            yield window
            self._seen = window
            # Longer or shorter than before: blanks at the end are no harm, and one write is whole.
            with contextlib.suppress(OSError):
                os.pwrite(handle, msgspec.json.encode(window).ljust(256), 0)
        finally:
            os.close(handle)


def shared_budget(settings: Settings, *, patient: bool = False) -> Budget:
    """The budget of this machine for this key and address."""
    name = hashlib.sha256(f"{settings.client_id}\n{settings.api_url}".encode()).hexdigest()[:32]
    folder = Path(tempfile.gettempdir()) / f"trakt-import-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            return Budget(None, patient=patient)
    except OSError:
        return Budget(None, patient=patient)
    return Budget(folder / f"{name}.json", patient=patient)
