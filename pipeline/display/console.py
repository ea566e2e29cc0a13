"""What a person sees while an import is under way: bars on a terminal, plain log lines elsewhere, nothing when quiet."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pipeline.display.pace import RATE_LIMIT, Pace, counted, spoken
from pipeline.settings import Settings

# Seconds between two lines about the same reading.
EVERY = 10.0


class Display(Protocol):
    """What the bus and extract tell while a run goes on."""

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """So many answers of how many announced pages have come, with so many rows."""

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
    """A line for each stage, for each wait, and now and then for a long reading; as JSON where machines read the logs.

    With `verbosity` 1 or more, a line for each page and each short wait, too.
    """

    def __init__(self, log_format: str, verbosity: int, now: Callable[[], float] = time.monotonic) -> None:
        self._json = log_format == "json"
        self._verbose = verbosity > 0
        self._pace = Pace(now)
        self._now = now
        self._told = now()

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """A line for each answer, when asked to say more; else one in a while."""
        self._pace.page(endpoint, done, announced, rows)
        if self._verbose:
            of = f" of {announced}" if announced else ""
            self._line(
                f"{endpoint}: page {done}{of}, {counted(rows, 'row')}",
                endpoint=endpoint,
                pages=done,
                announced_pages=announced,
                rows=rows,
            )
        elif self._now() - self._told >= EVERY:
            pace, left = self._pace, self._pace.left()
            text = f"{pace.done:,} of {pace.total:,} pages, {pace.rows:,} rows"
            text += "" if left is None else f", about {spoken(left)} left"
            self._line(text, pages=pace.done, announced_pages=pace.total, rows=pace.rows, seconds_left=_whole(left))

    def waiting(self, seconds: float, reason: str) -> None:
        """What is waited for, how long, and what then is left."""
        if (seconds < 1 or not self._pace.hold(seconds, reason)) and not self._verbose:
            return
        left = self._pace.left() if reason == RATE_LIMIT else None
        text = f"waiting {spoken(seconds)}: {reason}"
        if left is not None:
            missing = self._pace.total - self._pace.done
            text += f"; {missing:,} of {self._pace.total:,} pages left, about {spoken(left)} in all"
        self._line(text, waiting_seconds=round(seconds, 1), reason=reason, seconds_left=_whole(left))

    def stage(self, name: str) -> None:
        """The name of the stage."""
        self._line(name, stage=name)

    def record(self, text: str, record: dict[str, Any]) -> None:
        """The text, or the record."""
        self._line(text, **record)

    def _line(self, text: str, **record: Any) -> None:
        self._told = self._now()
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(json.dumps({"at": at, **record}) if self._json else f"{at} {text}", file=sys.stderr, flush=True)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


@contextmanager
def progress_display(settings: Settings, verbosity: int) -> Iterator[Display]:
    """The display that suits stderr and the settings."""
    if verbosity < 0:
        yield Silent()
    elif settings.log_format == "text" and _is_terminal():
        from pipeline.display.terminal import Bars

        with Bars() as bars:
            yield bars
    else:
        yield Lines(settings.log_format, verbosity)


class Crowd(Silent):
    """What a batch tells: a line for each user; one JSON object each where logs are read by machines."""

    def __init__(self, log_format: str, verbosity: int) -> None:
        self._lines = Lines(log_format, verbosity)
        self._quiet = verbosity < 0

    def begin(self, users: int, done: list[dict[str, Any]], since: str | None) -> None:
        """So many users are to be imported; `done` are already, where the batch of `since` is gone on with."""
        if since and not self._quiet:
            self._lines.record(f"going on with the batch of {since}: {len(done)} are done", {"goes_on": since})

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

    def begin(self, users: int, done: list[dict[str, Any]], since: str | None) -> None:
        """So many users are to be imported; `done` are already, where the batch of `since` is gone on with."""
        for result in done:
            self._counts[result["status"]] += 1
        self.progress.update(self._task, total=users, completed=len(done))

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
