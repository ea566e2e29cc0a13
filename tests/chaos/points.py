"""Fault points by name: every place where the world can end, counted as the program passes them.

The doors are those through which anything leaves the process: an event, a file written, its fsync and rename, a
statement, a commit. They are wrapped from outside, in a child process, so the program itself knows nothing of them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import DatabaseError
from pipeline.journal import Journal
from pipeline.storage import ASIDE, Storage
from stages.database import Database

HOWS = ("kill", "enospc", "eio", "lost")
"""kill: SIGKILL to the process. enospc, eio: the call raises. lost: the connection is gone, for good or for now."""

FILES = ("write", "fsync", "rename")
_OWN = re.compile(rf"[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|{re.escape(ASIDE)}[0-9]+-")
"""The id of a run, the number of a process."""
STATEMENTS = ("statement", "ingest", "read", "commit", "committed")


@dataclass
class Points:
    """Notes the points as they are passed, and strikes at one of them.

    `target` is a name and which time (from 1) it is passed, since threads side by side pass theirs in any order; with
    an empty name, the so manieth point of all; None strikes nowhere. `seen` are the names so far.
    `cut` ends the connection for real, where there is a server to do so; else every later use of one fails, too.
    """

    target: tuple[str, int] | None = None
    how: str = "kill"
    cut: Callable[[], None] | None = None
    seen: list[str] = field(default_factory=list)
    broken: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def reach(self, kind: str, detail: str, before: Callable[[], object] | None = None) -> None:
        """The program is at a point; `before` is what a power cut would leave behind there."""
        with self._turn:
            name = f"{kind} {detail}"
            self.seen.append(name)
            if self.target not in ((name, self.seen.count(name)), ("", len(self.seen))):
                return
            if before is not None:
                before()
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "lost":
            if self.cut is not None:
                self.cut()
                return
            self.broken = True
            raise DatabaseError("the connection is lost", "Look at DATABASE_URL.")
        number = errno.ENOSPC if self.how == "enospc" else errno.EIO
        raise OSError(number, os.strerror(number))


def strikes(name: str) -> tuple[str, ...]:
    """The ways in which a point of this name can fail."""
    kind = name.split(" ", 1)[0]
    if kind in FILES:
        return ("kill", "enospc", "eio")
    return ("kill", "lost") if kind in STATEMENTS else ("kill",)


@contextlib.contextmanager
def wrapped(points: Points) -> Iterator[None]:
    """Every door of the program tells `points` of what passes, until the context ends."""
    fsync, write, replace, append = os.fsync, os.write, Path.replace, Journal.append
    execute, change = Database.execute, Database.change
    ingest, stage, read = Database.append, Database.stage, Database.read
    writing = Storage.writing

    def seen_fsync(handle: int) -> None:
        points.reach("fsync", _name(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    def seen_write(handle: int, data: Any) -> int:
        written = write(handle, data)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.name.startswith(ASIDE):
            points.reach("write", _name(path), before=lambda: _tear(path))
        return written

    def seen_replace(self: Path, target: Path) -> Path:
        points.reach("rename", _name(Path(target)))
        return replace(self, target)

    def seen_append(self: Journal, event: Any) -> None:
        points.reach("event", type(event).__name__)
        append(self, event)

    @contextlib.contextmanager
    def seen_writing(self: Storage, name: str, **more: Any) -> Iterator[str]:
        with writing(self, name, **more) as path:
            yield path
            points.reach("write", _name(Path(name)), before=lambda: _tear(Path(path)))

    def seen_execute(self: Database, sql: str, *rest: Any) -> Any:
        _lost(points)
        word = " ".join(sql.split()[:3])
        points.reach("commit" if sql.strip().startswith("commit") else "statement", word)
        result = execute(self, sql, *rest)
        if sql.strip().startswith("commit"):
            points.reach("committed", "")
        return result

    def seen_change(self: Database, sql: str, *rest: Any) -> int:
        _lost(points)
        points.reach("statement", " ".join(sql.split()[:3]))
        return change(self, sql, *rest)

    def seen_ingest(self: Database, table: str, *rest: Any, **more: Any) -> None:
        _lost(points)
        points.reach("ingest", table)
        ingest(self, table, *rest, **more)

    def seen_stage(self: Database, table: str, *rest: Any, **more: Any) -> None:
        _lost(points)
        points.reach("ingest", table)
        stage(self, table, *rest, **more)

    def seen_read(self: Database, *rest: Any, **more: Any) -> Any:
        _lost(points)
        points.reach("read", "")
        return read(self, *rest, **more)

    with contextlib.ExitStack() as patches:
        for owner, name, new in (
            (os, "fsync", seen_fsync),
            (os, "write", seen_write),
            (Path, "replace", seen_replace),
            (Journal, "append", seen_append),
            (Storage, "writing", seen_writing),
            (Database, "execute", seen_execute),
            (Database, "change", seen_change),
            (Database, "append", seen_ingest),
            (Database, "stage", seen_stage),
            (Database, "read", seen_read),
        ):
            patches.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, new)
        yield


def _lost(points: Points) -> None:
    if points.broken:
        raise DatabaseError("the connection is lost", "Look at DATABASE_URL.")


def _tear(path: Path) -> None:
    """Half a file, as a power cut leaves it."""
    with contextlib.suppress(OSError):
        os.truncate(path, path.stat().st_size // 2)


def _name(path: Path) -> str:
    """Where a file lies below the root of the data, without what differs between runs."""
    parts = path.parts
    if "data" in parts:
        parts = parts[parts.index("data") + 1 :]
    return _OWN.sub("", "/".join(parts))
