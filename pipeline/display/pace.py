"""How far a reading is, what holds it, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

RATE_LIMIT = "rate limit"


@dataclass
class Pace:
    """The pages of all endpoints together; seconds by `now`, from the first page on."""

    now: Callable[[], float] = time.monotonic
    read: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    held_until: float = 0.0
    reason: str = ""
    _since: float | None = None
    # Where the window of the rate limit began: when, and at how many pages; and how the last whole one went.
    _window: tuple[float, int] = (0.0, 0)
    _last: tuple[float, int] | None = None

    def page(self, endpoint: str, done: int, announced: int | None, rows: int) -> None:
        """An endpoint stands at so many of its pages, with so many rows."""
        now = self.now()
        if self._since is None:
            self._since, self._window = now, (now, 0)
        if self.reason == RATE_LIMIT and now >= self.held_until:
            self._last, self._window, self.reason = self._going(), (self.held_until, self.done), ""
        self.read[endpoint] = (done, max(done, announced or done), rows)

    def hold(self, seconds: float, reason: str) -> bool:
        """Something is held for so long; False where that was known already, to about a second."""
        until = self.now() + seconds
        if until <= self.held_until + 1:
            return False
        self.held_until, self.reason = until, reason
        return True

    def _going(self) -> tuple[float, int]:
        """How many seconds and pages the window has that is held now; what is under way still counts for it."""
        began, before = self._window
        return self.held_until - began, self.done - before

    @property
    def done(self) -> int:
        """Pages that are read."""
        return sum(done for done, _, _ in self.read.values())

    @property
    def total(self) -> int:
        """Pages that are known of."""
        return sum(total for _, total, _ in self.read.values())

    @property
    def rows(self) -> int:
        """Rows that are staged."""
        return sum(rows for _, _, rows in self.read.values())

    @property
    def held(self) -> float:
        """Seconds until what is held goes on."""
        return max(0.0, self.held_until - self.now())

    def left(self) -> float | None:
        """About how many seconds are left, None where that cannot be told yet."""
        missing = self.total - self.done
        window = self._going() if self.reason == RATE_LIMIT else self._last
        if window is not None and window[1] > 0:
            # The limit sets the pace: what does not fit into the next window waits for the one after.
            seconds, pages = window
            return self.held + max(0, missing - 1) // pages * seconds
        elapsed = 0.0 if self._since is None else self.now() - self._since
        if elapsed < 1 or not self.done:
            return None
        return self.held + missing * elapsed / self.done


def spoken(seconds: float) -> str:
    """A length of time as a person says it: `8 s`, `4:32 min`, `1:05 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def counted(number: int, what: str) -> str:
    """`1 row`, `12,750 rows`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
