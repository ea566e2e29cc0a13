"""The rate limit, obeyed before it bites.

Trakt counts key-only reads by client id and address: 500 in 300 s, told on each reply in `X-Ratelimit`, a JSON text
`{"name", "period", "limit", "remaining", "until"}`; a 429 says in `Retry-After` how many seconds to stay away
(Trakt guide on rate limiting, 2026-10-07). Replies from the edge may lack both.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import msgspec

from pipeline.clock import Clock
from pipeline.errors import RateLimited
from stages.extract.budget import Budget

LIMIT, PERIOD = 500, 300.0
SHORTEST_WAIT = 1.0


class _Told(msgspec.Struct):
    limit: int
    remaining: int
    until: dt.datetime
    period: float = PERIOD


_decoder = msgspec.json.Decoder(_Told)


class Limiter:
    """One window of requests, shared by all that go out in this process, and through `budget` by those of others.

    `waited` is how many seconds it held requests back in all. A request that would wait longer than `max_wait`
    seconds ends with `RateLimited`.
    """

    def __init__(
        self,
        clock: Clock,
        max_wait: float,
        waiting: Callable[[float, str], None],
        budget: Budget | None = None,
    ) -> None:
        self.waited = 0.0
        self._budget = budget or Budget(None)
        self._clock = clock
        self._max_wait = max_wait
        self._waiting = waiting
        self._turn = asyncio.Lock()
        self._answered = asyncio.Event()
        self._limit = LIMIT
        self._period = PERIOD
        self._remaining = LIMIT
        self._in_flight = 0
        self._until: float | None = None
        self._told = b""
        self._blocked_until = 0.0

    async def enter(self, held: float = 0.0) -> float:
        """Wait until one more request may go; every `enter` is followed by one `leave`.

        `held` is how many seconds this request has waited here before; returns how many it waited now.
        """
        came = self._clock.now()
        async with self._turn:
            while True:
                wait = self._wait()
                if wait > 0:
                    await self._hold(wait, held + self._clock.now() - came)
                elif self._in_flight >= self._remaining:
                    # What is out may be all that is left of the window: the answers will tell.
                    self._answered.clear()
                    await self._answered.wait()
                elif (wait := self._budget.take(self._clock.now(), self._limit, self._period)) > 0:
                    await self._hold(wait, held + self._clock.now() - came)
                else:
                    break
            self._in_flight += 1
        return self._clock.now() - came

    async def _hold(self, wait: float, held: float) -> None:
        if held + wait > self._max_wait:
            hint = "Wait, or raise TRAKT_MAX_WAIT, then: trakt-import resume"
            raise RateLimited(f"it opens in {wait:.0f} s", hint)
        self._waiting(wait, "rate limit")
        before = self._clock.now()
        await self._clock.sleep(wait)
        self.waited += self._clock.now() - before

    def leave(self, headers: Mapping[str, str] | None) -> None:
        """Take note of the answer to one request that went out; None where none came."""
        self._in_flight -= 1
        self._answered.set()
        told = headers.get("x-ratelimit") if headers is not None else None
        if headers is None or told is None or not self._heed(told, headers):
            self._remaining -= 1

    def block(self, seconds: float) -> None:
        """Nobody goes out for so long: a 429 said so."""
        self._blocked_until = max(self._blocked_until, self._clock.now() + max(seconds, SHORTEST_WAIT))
        self._budget.block(self._blocked_until)

    def _wait(self) -> float:
        now = self._clock.now()
        if now < self._blocked_until:
            return self._blocked_until - now
        if self._until is None or now >= self._until:
            # A window of our own, until a header tells of the real one.
            self._until, self._remaining, self._told = now + self._period, self._limit, b""
        return self._until - now if self._remaining <= 0 else 0.0

    def _heed(self, text: str, headers: Mapping[str, str]) -> bool:
        try:
            told = _decoder.decode(text)
        except msgspec.MsgspecError:
            return False
        if told.limit <= 0 or told.period <= 0:
            return False
        window = told.until.isoformat().encode()
        if window == self._told:
            # Answers overtake one another: the lowest is the latest.
            self._remaining = min(self._remaining, told.remaining)
            self._share(told)
            return True
        until = self._local(told.until, headers)
        if until <= self._clock.now() or (self._told and self._until is not None and until < self._until - 1):
            return False
        self._limit, self._period = told.limit, told.period
        self._until, self._remaining, self._told = until, told.remaining, window
        self._share(told)
        return True

    def _share(self, told: _Told) -> None:
        if self._until is not None:
            self._budget.heed(self._clock.now(), told.limit, told.remaining, self._until)

    def _local(self, until: dt.datetime, headers: Mapping[str, str]) -> float:
        """The end of the window by our own clock, which may be minutes off: the reply's `Date` tells by how much."""
        moment = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
        now = self._clock.now()
        try:
            sent = parsedate_to_datetime(headers["date"])
            skew = now - (sent if sent.tzinfo else sent.replace(tzinfo=dt.UTC)).timestamp()
        except (KeyError, ValueError):
            skew = 0.0
        return moment.timestamp() + (skew if abs(skew) < 86_400 else 0.0)


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """The seconds that a 429 asks for, given as a number or as a date; None where it does not say."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - clock.now()
        except ValueError:
            return None
    return max(seconds, SHORTEST_WAIT) if seconds == seconds and seconds < 1e9 else None
