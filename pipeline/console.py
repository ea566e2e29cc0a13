"""What a person sees while an import is under way: bars on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.settings import Settings


class Silent:
    """A progress that says nothing."""

    def page(self, endpoint: str, pages: int, announced: int | None, rows: int) -> None:
        """One more answer of an endpoint is staged."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A request waits."""


class Lines(Silent):
    """One plain (or JSON) line per endpoint read and per wait."""

    def __init__(self, log_format: str) -> None:
        self.log_format = log_format

    def waiting(self, seconds: float, reason: str) -> None:
        """Say how long and why."""
        record: dict[str, Any] = {"event": "waiting", "seconds": round(seconds, 1), "reason": reason}
        text = f"waiting {seconds:.0f} s: {reason}"
        print(json.dumps(record) if self.log_format == "json" else text, file=sys.stderr, flush=True)


@contextmanager
def progress_display(settings: Settings, verbosity: int) -> Iterator[Silent]:
    """The display that suits stderr: nothing when quiet, log lines otherwise."""
    yield Silent() if verbosity < 0 else Lines(settings.log_format)
