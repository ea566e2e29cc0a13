"""The program in a child process made by fork: what it has imported is there at once, and it may be killed."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn

from tests.sandbox.accounts import Account
from tests.sandbox.server import Sandbox

KILLED = -signal.SIGKILL


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
    child = os.fork()
    if child == 0:
        out, err = StringIO(), StringIO()
        code, left = 99, None
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code, left = work()
        except BaseException:
            err.write(traceback.format_exc())
        finally:
            told.write_text(json.dumps([out.getvalue(), err.getvalue(), left]))
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, *json.loads(told.read_text())) if told.exists() else Ended(code)


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
