"""What a person sees while an import is under way: bars on a terminal, plain log lines elsewhere, nothing when quiet."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pipeline.settings import Settings


class Display(Protocol):
    """What the bus and extract tell while a run goes on."""

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """So many answers of how many announced pages are staged, with so many rows."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A request waits so long."""

    def stage(self, name: str) -> None:
        """The next stage begins."""


class Silent:
    """Says nothing."""

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """Nothing."""

    def waiting(self, seconds: float, reason: str) -> None:
        """Nothing."""

    def stage(self, name: str) -> None:
        """Nothing."""


class Lines:
    """One line for each stage and each wait of a second or more; as JSON where logs are read by machines."""

    def __init__(self, log_format: str, verbosity: int) -> None:
        self._json = log_format == "json"
        self._verbose = verbosity > 0

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """A line for each answer, when asked to say more."""
        if self._verbose:
            of = f" of {announced}" if announced else ""
            self._line(f"{endpoint}: page {done}{of}, {rows} rows", endpoint=endpoint, pages=done, rows=rows)

    def waiting(self, seconds: float, reason: str) -> None:
        """Who waits how long for what."""
        if seconds >= 1 or self._verbose:
            self._line(f"waiting {seconds:.0f} s: {reason}", waiting_seconds=round(seconds, 1), reason=reason)

    def stage(self, name: str) -> None:
        """The name of the stage."""
        self._line(name, stage=name)

    def record(self, text: str, record: dict[str, Any]) -> None:
        """The text, or the record."""
        self._line(text, **record)

    def _line(self, text: str, **record: Any) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(json.dumps({"at": at, **record}) if self._json else f"{at} {text}", file=sys.stderr, flush=True)


class Bars:
    """A bar for each endpoint, with pages and rows; the last line says what is waited for."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rows]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, Any] = {}

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """Move the bar of the endpoint."""
        total = max(done, announced or done)
        if endpoint not in self._tasks:
            self._tasks[endpoint] = self.progress.add_task(endpoint.replace("_", " "), total=total, rows="")
        self.progress.update(self._tasks[endpoint], completed=done, total=total, rows=f"{rows:,} rows")

    def waiting(self, seconds: float, reason: str) -> None:
        """Say above the bars what is waited for."""
        if seconds >= 1:
            self.progress.console.print(f"waiting {seconds:.0f} s: {reason}", highlight=False)

    def stage(self, name: str) -> None:
        """A line of its own for each stage after extract, whose endpoints have theirs."""
        if name != "extract":
            self._tasks[name] = self.progress.add_task(name, total=None, rows="")


@contextmanager
def progress_display(settings: Settings, verbosity: int) -> Iterator[Display]:
    """The display that suits stderr and the settings."""
    if verbosity < 0:
        yield Silent()
    elif settings.log_format == "text" and _is_terminal():
        bars = Bars()
        with bars.progress:
            yield bars
    else:
        yield Lines(settings.log_format, verbosity)


class Crowd(Silent):
    """What a batch tells: a line for each user; one JSON object each where logs are read by machines."""

    def __init__(self, log_format: str, verbosity: int) -> None:
        self._lines = Lines(log_format, verbosity)
        self._quiet = verbosity < 0

    def begin(self, users: int, done: int) -> None:
        """So many users are to be imported, so many are done already."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A request waits so long."""
        if not self._quiet:
            self._lines.waiting(seconds, reason)

    def user(self, result: dict[str, Any]) -> None:
        """One user is done."""
        if not self._quiet:
            self._lines.record(f"{result['user']}: {_ending(result)}", result)


class CrowdBar(Crowd):
    """One bar over all users, and above it those who failed."""

    def __init__(self) -> None:
        super().__init__("text", 0)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.progress = Progress(
            TextColumn("users"),
            BarColumn(30),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self.progress.add_task("", total=None)
        self._counts = dict.fromkeys(("changed", "unchanged", "failed"), 0)
        self._requests = 0

    def begin(self, users: int, done: int) -> None:
        """So many users are to be imported, so many are done already."""
        self.progress.update(self._task, total=users, completed=done)

    def waiting(self, seconds: float, reason: str) -> None:
        """A request waits so long."""
        if seconds >= 1:
            self._describe(f", waiting {seconds:.0f} s: {reason}")

    def user(self, result: dict[str, Any]) -> None:
        """One user is done."""
        self._counts[result["status"]] += 1
        self._requests += result["requests"]
        if result["status"] == "failed":
            self.progress.console.print(f"{result['user']}: {_ending(result)}", highlight=False, markup=False)
        self.progress.advance(self._task)
        self._describe("")

    def _describe(self, more: str) -> None:
        told = ", ".join(f"{count} {status}" for status, count in self._counts.items() if count)
        self.progress.update(self._task, description=f"{told}, {self._requests} requests{more}")


def _ending(result: dict[str, Any]) -> str:
    if result["status"] == "failed":
        return f"failed: {result['error']}"
    counts = "{imported_count} imported, {skipped_count} skipped, {error_count} errors".format(**result)
    return f"{counts}, {result['requests']} requests"


@contextmanager
def crowd_display(settings: Settings, verbosity: int) -> Iterator[Crowd]:
    """The display of a batch that suits stderr and the settings."""
    if verbosity >= 0 and settings.log_format == "text" and _is_terminal():
        bar = CrowdBar()
        with bar.progress:
            yield bar
    else:
        yield Crowd(settings.log_format, verbosity)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
