"""The program in a child process made by fork: what it has imported is there at once, and it may be killed."""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

from pipeline import __main__ as program
from tests.sandbox.accounts import Account
from tests.sandbox.server import Sandbox

KILLED = -signal.SIGKILL
WORKERS = max(2, min(4, os.cpu_count() or 1))
HEAVY = ("pyarrow.json", "pyarrow.fs", "pyarrow.parquet", "duckdb", "httpx", "h11", "sniffio", "anyio._backends._asyncio",
         "httpcore._async", "adbc_driver_sqlite.dbapi", "adbc_driver_postgresql.dbapi", "tenacity", "pytz")  # fmt: skip


def load_program() -> None:
    """Import what a run imports, once and for all children: more than half of what a small import takes."""
    sys.meta_path.insert(0, program._Unused())
    import stages

    for module in pkgutil.walk_packages(stages.__path__, "stages."):
        importlib.import_module(module.name)
    for name in HEAVY:
        importlib.import_module(name)


@dataclass
class Ended:
    """How a child ended: its exit code (-9: killed), what it printed, and what the work left for us."""

    code: int
    out: str = ""
    err: str = ""
    left: Any = None


def in_child(work: Callable[[], tuple[int, Any]], told: Path) -> Ended:
    """Run `work` in a child process; it gives an exit code and anything that JSON can hold."""
    told.unlink(missing_ok=True)
    trace = told.with_suffix(".trace")
    child = os.fork()
    if child == 0:
        out, err = StringIO(), StringIO()
        code, left = 99, None
        try:
            # Nobody's stream: what a crash of the interpreter itself has to say goes straight to the handle.
            faulthandler.enable(os.open(trace, os.O_CREAT | os.O_TRUNC | os.O_WRONLY))
            with redirect_stdout(out), redirect_stderr(err):
                code, left = work()
        except BaseException:
            err.write(traceback.format_exc())
        finally:
            told.write_text(json.dumps([out.getvalue(), err.getvalue(), left]))
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, *json.loads(told.read_text())) if told.exists() else Ended(code, err=trace.read_text())


def side_by_side(work: Callable[[int], Iterator[Any]], workers: int = WORKERS) -> Iterator[Any]:
    """What `work(number)` yields in so many child processes, as it comes; each at most 4,000 characters of JSON."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    children = [_worker(work, number, writing) for number in range(workers)]
    os.close(writing)
    with os.fdopen(reading) as told:
        for line in told:
            yield json.loads(line)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise RuntimeError(f"the workers ended with {codes}")


def _worker(work: Callable[[int], Iterator[Any]], number: int, writing: int) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for value in work(number):
                # All write into one pipe: up to 4,096 bytes go in as one piece.
                os.write(writing, f"{json.dumps(value)}\n".encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


class Server:
    """A sandbox in a process of its own, so that this one stays without threads and may fork."""

    def __init__(self, accounts: Callable[[], list[Account]], **options: Any) -> None:
        reading, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(reading)
            _serve(Sandbox(accounts(), **{"limit": 1_000_000, **options}), writing)
        os.close(writing)
        self._told = os.fdopen(reading)
        self.url = self._told.readline().strip()

    def stop(self) -> dict[str, int]:
        """End the process; how many requests came in all, and how many `beyond` the limit."""
        os.kill(self._child, signal.SIGTERM)
        figures: dict[str, int] = json.loads(self._told.readline())
        os.waitpid(self._child, 0)
        self._told.close()
        return figures


def _serve(sandbox: Sandbox, writing: int) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with os.fdopen(writing, "w") as told, sandbox:
        print(sandbox.url, file=told, flush=True)
        signal.sigwait({signal.SIGTERM})
        print(json.dumps({"requests": sandbox.count(), "beyond": sandbox.beyond}), file=told, flush=True)
    os._exit(0)


class Progress:
    """A line now and then: how many are done, of how many, and how many a second."""

    def __init__(self, what: str, total: int, every: float = 15.0) -> None:
        self.what, self.total, self.done = what, total, 0
        self._began = self._told = time.monotonic()
        self._every = every

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        now = time.monotonic()
        if now - self._told >= self._every:
            self._told = now
            print(f"  {self}", flush=True)

    def __str__(self) -> str:
        """The line."""
        seconds = time.monotonic() - self._began
        return f"{self.done:,} of {self.total:,} {self.what}, {seconds:.0f} s, {self.done / max(seconds, 0.1):.1f} a second"
