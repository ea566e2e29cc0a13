"""The display of an import on a terminal; imported only where there is one, since rich takes its time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.spinner import Spinner
from rich.table import Column
from rich.text import Text

from pipeline.display.pace import RATE_LIMIT, Pace, counted, spoken

DOING = {
    "extract": "reading from Trakt",
    "transform": "resolving against the catalogue",
    "load": "merging into the database",
    "report": "closing the books",
}


class Bars:
    """A bar for each endpoint, with pages and rows; below, what is done, what is going on, and what it waits for."""

    def __init__(self, console: Console | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace(now)
        self._now = now
        self._began = now()
        self._stage = ""
        self._done: list[Text] = []
        self._spinner = Spinner("dots", style="cyan")
        self._bars = Progress(
            TextColumn("  {task.description}", table_column=Column(width=19)),
            BarColumn(None, style="bright_black", complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[pages]}", "none", "right", table_column=Column(min_width=13, no_wrap=True)),
            TextColumn("{task.fields[rows]}", "none", "right", table_column=Column(min_width=12, no_wrap=True)),
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._live = Live(
            console=console or Console(stderr=True, highlight=False),
            get_renderable=self._shown,
            refresh_per_second=10,
            # What is printed meanwhile goes above the bars; results that go elsewhere than to a screen do not.
            redirect_stdout=sys.stdout.isatty(),
        )

    def __enter__(self) -> Bars:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave on the screen what was done."""
        if error is None:
            self.stage("")
        self._stage = ""
        self._live.stop()

    def pages(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """Move the bar of the endpoint."""
        self.pace.page(endpoint, done, announced, rows)
        _, total, _ = self.pace.read[endpoint]
        if endpoint not in self._tasks:
            name = endpoint.replace("_", " ")
            self._tasks[endpoint] = self._bars.add_task(name, total=total, pages="", rows="")
        self._bars.update(
            self._tasks[endpoint],
            completed=done,
            total=total,
            pages=f"{done:,}/{counted(total, 'page')}",
            rows=counted(rows, "row"),
        )

    def waiting(self, seconds: float, reason: str) -> None:
        """Something waits; the line below the bars counts down."""
        if seconds >= 1:
            self.pace.hold(seconds, reason)

    def stage(self, name: str) -> None:
        """The one before is done, and how long it took."""
        now = self._now()
        if self._stage:
            self._done.append(self._line("✓", "green", self._stage, self._told(), now - self._began))
        self._stage, self._began = name, now

    def _told(self) -> str:
        if self._stage == "extract":
            return f"{counted(self.pace.done, 'page')}, {counted(self.pace.rows, 'row')}"
        return DOING.get(self._stage, "")

    def _line(self, mark: str, style: str, stage: str, text: str, seconds: float) -> Text:
        return Text.assemble((mark, style), f" {stage:<10}", (f"{text}, {seconds:.1f} s", "bright_black"))

    def _shown(self) -> RenderableType:
        if not self._stage:
            return Group(*self._done)
        self._spinner.update(text=self._now_doing())
        above = [self._bars] if self._stage == "extract" and self._tasks else []
        return Group(*above, *self._done, self._spinner)

    def _now_doing(self) -> Text:
        text = Text(f"{self._stage:<10}")
        if self._stage != "extract":
            return text.append(DOING.get(self._stage, ""), "bright_black")
        pace, held = self.pace, self.pace.held
        if held and pace.reason == RATE_LIMIT:
            text.append(f"the rate limit opens in {spoken(held)}", "yellow")
        elif held:
            text.append(f"asks again in {spoken(held)}: {pace.reason}", "yellow")
        else:
            text.append(DOING["extract"], "bright_black")
        if pace.total > len(pace.read):
            left = pace.left()
            text.append(f" · {pace.done:,}/{pace.total:,} pages", "bright_black")
            text.append("" if left is None else f" · {spoken(left)} left", "bright_black")
        return text
