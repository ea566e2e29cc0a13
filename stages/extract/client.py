"""The one place that talks to Trakt, and the one place that retries.

Every request ends as an `Answer` (200 with JSON, or 204), as `Refused` (Trakt said no: asking again is no use), or,
when nothing helped for `settings.patience` seconds, as `Unavailable`.
Required headers: Trakt guide on required headers, 2026-05-19.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from pipeline.clock import Clock
from pipeline.errors import Unavailable
from pipeline.settings import Settings
from pipeline.version import VERSION
from stages.extract.budget import shared_budget
from stages.extract.limiter import Limiter, retry_after
from stages.extract.pages import Broken, items_of

if "httpx" not in sys.modules:
    # httpx imports its own command line wherever click and rich are installed: a tenth of a second for nothing.
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
import httpx

if TYPE_CHECKING:
    from tenacity import RetryCallState

# At debug level they would write the headers, and with them the key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# Requests in flight, each on a connection of its own: the cost of a pool grows with its connections, so many of one.
CONNECTIONS = 16
CONNECT, READ, WHOLE = 10.0, 60.0, 120.0
FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0
RETRIED = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its items as slices of JSON (none for a 204), and its headers (keys in any case)."""

    status: int
    headers: Mapping[str, str]
    items: list[bytes]

    def announced(self, name: str) -> int | None:
        """A count of the paging headers, None where it is missing or no number."""
        text = self.headers.get(f"x-pagination-{name}", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


class Refused(Exception):
    """Trakt said no. `private` is True where a header says that the user is private."""

    def __init__(self, status: int, private: bool) -> None:
        super().__init__(f"answered {status}")
        self.status = status
        self.private = private


class _Again(Exception):
    """What may help when asked once more; the text says what happened."""


class Client:
    """At most `CONNECTIONS` requests in flight, within the rate limit; to be used as a context.

    `requests` counts what went out, retries included. A `patient` one lets other processes of this machine go first.
    """

    def __init__(
        self, settings: Settings, clock: Clock, waiting: Callable[[float, str], None], *, patient: bool = False
    ) -> None:
        self.requests = 0
        self._budget = shared_budget(settings, patient=patient)
        self.limiter = Limiter(clock, settings.max_wait, waiting, self._budget)
        self._settings = settings
        self._clock = clock
        self._waiting = waiting
        self._open = AsyncExitStack()
        # Last in, first out: a connection that is warm goes first.
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()

    async def __aenter__(self) -> Client:
        key = self._settings.require_client_id()
        secure = self._settings.api_url.startswith("https:")
        context = httpx.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        clients = [
            httpx.AsyncClient(
                base_url=self._settings.api_url,
                headers={
                    "trakt-api-key": key,
                    "trakt-api-version": "2",
                    "Content-Type": "application/json",
                    "User-Agent": f"trakt-import/{VERSION}",
                    "Accept-Encoding": "gzip",
                },
                verify=context,
                # Plain http goes to this very machine: no proxy has a place there.
                trust_env=secure,
                timeout=httpx.Timeout(READ, connect=CONNECT),
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            )
            for _ in range(CONNECTIONS)
        ]
        for client in clients:
            self._free.put_nowait(await self._open.enter_async_context(client))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.leave(self._clock.now())
        await self._open.aclose()

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        paged: bool = False,
        patience: float | None = None,
        guest: Guest | None = None,
    ) -> Answer:
        """Ask for `path` until it is answered; `paged` says that a list is due.

        Raises `Refused`, `Unavailable` after `patience` seconds of retries (by default `settings.patience`; waiting for
        the rate limit not counted), `RateLimited`.
        """
        patience = self._settings.patience if patience is None else patience
        question = _Question(path, dict(params or {}), paged, guest)
        until = self._clock.now() + patience
        try:
            return await self._once(question)
        except _Again as failure:
            failed = failure
        # The machinery of retries costs as much as a request: most never need it.
        return await self._retry(question, failed, until)

    async def _retry(self, question: _Question, failed: _Again, until: float) -> Answer:
        """Ask again what `failed`, and again until then; being held back does not count."""
        from tenacity import AsyncRetrying, retry_if_exception_type

        failures = [failed]

        def left() -> float:
            return until + question.held - self._clock.now()

        def wait(state: RetryCallState) -> float:
            longest = min(FIRST_RETRY * 2.0 ** min(state.attempt_number - 1, 10), LONGEST_RETRY)
            return max(0.0, min(random.uniform(longest / 2, longest), left()))

        def note(state: RetryCallState) -> None:
            reason = state.outcome.exception() if state.outcome else None
            self._waiting(state.upcoming_sleep, str(reason))

        async def attempt() -> Answer:
            if failures:
                raise failures.pop()
            return await self._once(question)

        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            stop=lambda state: left() <= 0,
            wait=wait,
            retry=retry_if_exception_type(_Again),
            before_sleep=note,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except _Again as error:
            raise Unavailable(f"{question.path}: {error}", "Try again later: trakt-import resume") from None

    async def _once(self, question: _Question) -> Answer:
        """Ask once, and again after every 429 that says for how long to wait."""
        while True:
            reply = await self._send(question)
            seconds = retry_after(reply.headers, self._clock) if reply.status == 429 else None
            if seconds is None:
                return _judged(reply, question.paged)
            self.limiter.block(seconds)

    async def _send(self, question: _Question) -> _Reply:
        came = self._clock.now()
        # The connection first: what has passed the limiter must not stand in a queue while a 429 comes in.
        client = await self._free.get()
        try:
            question.held += self._clock.now() - came
            waited = await self.limiter.enter(question.limited)
            question.limited += waited
            question.held += waited
            if question.guest is not None:
                question.guest.requests += 1
                question.guest.waited += waited
            headers: Mapping[str, str] | None = None
            self.requests += 1
            try:
                # A server that trickles never runs into the read time-out.
                async with (
                    asyncio.timeout(WHOLE),
                    client.stream("GET", question.path, params=question.params) as response,
                ):
                    # A response that has read its body keeps it, and httpx keeps the response, in a circle.
                    body = b"".join([part async for part in response.aiter_bytes()])
                headers = response.headers
                return _Reply(response.status_code, headers, body)
            except TimeoutError:
                raise _Again(f"no whole answer in {WHOLE:.0f} s") from None
            except httpx.RequestError as error:
                raise _Again(f"no whole answer ({type(error).__name__})") from None
            finally:
                self.limiter.leave(headers)
        finally:
            self._free.put_nowait(client)


class Guest:
    """The client as one run uses it, which may be shared by many; counts the run's own requests and seconds waited."""

    def __init__(self, client: Client) -> None:
        self.requests = 0
        self.waited = 0.0
        self._client = client

    async def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        paged: bool = False,
        patience: float | None = None,
    ) -> Answer:
        """As `Client.get`."""
        return await self._client.get(path, params, paged=paged, patience=patience, guest=self)


@dataclass(slots=True)
class _Question:
    """What is asked, and for how many seconds it was held back: by the rate limit, and in all."""

    path: str
    params: dict[str, str | int]
    paged: bool
    guest: Guest | None = None
    limited: float = 0.0
    held: float = 0.0


class _Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def _judged(reply: _Reply, paged: bool) -> Answer:
    status, headers, body = reply
    if status == 204:
        return Answer(status, headers, [])
    if status == 200:
        try:
            return Answer(status, headers, items_of(body, paged))
        except Broken as error:
            raise _Again(f"answered 200 with a body that cannot be read ({error})") from None
    # The edge writes HTML, for people: a 403 of the API itself is empty, JSON, or one word.
    if status in RETRIED or status >= 500 or (status == 403 and body.lstrip().startswith(b"<")):
        raise _Again(f"answered {status}")
    raise Refused(status, headers.get("x-private-user", "").lower() == "true")
