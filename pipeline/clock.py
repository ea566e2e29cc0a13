"""Time as a thing that is passed in, so that a night can be simulated in seconds."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is (seconds since 1970, UTC) and how to wait (seconds)."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def utc(self) -> dt.datetime:
        """The time as an aware `datetime`."""
        return dt.datetime.fromtimestamp(self.now(), dt.UTC)

    def stamp(self) -> str:
        """The time as the database and the files write it: `2025-01-31T20:15:00Z`."""
        return stamp(self.utc())


def stamp(moment: dt.datetime) -> str:
    """`moment` (aware) in UTC, to the second: `2025-01-31T20:15:00Z`."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
