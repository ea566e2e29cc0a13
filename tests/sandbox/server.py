"""The server: a small HTTP/1.1 server on the loopback address, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import formatdate
from types import TracebackType
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from .accounts import Account
from .answers import EDGE_PAGE, Answer, Answers
from .faults import Action, Faults

_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_BUSY_PAGE = b"<!DOCTYPE html><html><head><title>Error 1015</title></head><body>Rate limited</body></html>"
_SORRY_PAGE = b"<!DOCTYPE html><html><body><h1>We'll be back soon</h1></body></html>"
_HTML = ("Content-Type", "text/html; charset=UTF-8")


class Request(NamedTuple):
    """A request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]


class Sandbox:
    """Serves accounts as the Trakt API would; usable in a `with` statement.

    `limit` requests are allowed in `period` seconds for each API key, counted by `clock`. `latency` seconds
    pass before every answer. `port` 0 takes a free one. `requests` lists every request that arrived, in
    order.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        faults: Faults | None = None,
        limit: int = 500,
        period: float = 300,
        latency: float = 0.0,
        clock: Callable[[], float] = time.time,
        port: int = 0,
    ) -> None:
        self.accounts = {account.slug.lower(): account for account in accounts}
        self.faults = faults or Faults()
        self.limit, self.period, self.latency, self.clock = limit, period, latency, clock
        self.port = port
        self.requests: list[Request] = []
        self.statuses: Counter[int] = Counter()
        self.in_flight = self.peak = 0
        """Requests being answered now, and the most that were at once."""
        self.beyond = 0
        """Requests that came although the limit was used up."""
        self._names: Counter[str] = Counter()
        self._windows: dict[str, list[float]] = {}
        self._answers = Answers(self)
        self._date = (0, "")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def account(self, slug: str) -> Account:
        """The account with this slug, whatever the case."""
        return self.accounts[slug.lower()]

    def count(self, endpoint: str | None = None) -> int:
        """How many requests an endpoint got (by any of its names, see the switches), or all together."""
        return len(self.requests) if endpoint is None else self._names[endpoint]

    def forget(self) -> None:
        """Start counting requests anew; the rate limit starts a new window too."""
        self.requests.clear()
        self.statuses.clear()
        self._names.clear()
        self._windows.clear()
        self.peak = self.beyond = 0

    def start(self) -> Sandbox:
        """Start serving and return when connections are accepted."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="sandbox", daemon=True)
        self._thread.start()
        if not ready.wait(30) or self._loop is None:
            raise RuntimeError("the sandbox could not start")
        return self

    def stop(self) -> None:
        """Stop serving and close all connections."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop = self._thread = None

    def __enter__(self) -> Sandbox:
        """Start the server."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def _run(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        try:
            server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
            self.port = server.sockets[0].getsockname()[1]
            self._loop = loop
            ready.set()
            loop.run_forever()
            server.close()
            loop.run_until_complete(_end_connections())
        finally:
            ready.set()
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it ends."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                headers = {}
                for line in lines[1:]:
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                if length := int(headers.get("content-length") or 0):
                    await reader.readexactly(length)
                self.in_flight += 1
                self.peak = max(self.peak, self.in_flight)
                try:
                    keep = await self._reply(method, target, headers, writer)
                finally:
                    self.in_flight -= 1
                if not keep or headers.get("connection", "").lower() == "close":
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def _reply(self, method: str, target: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection must not be used again."""
        parts = urlsplit(target)
        path = parts.path or "/"
        segments = [unquote(segment) for segment in path[1:].split("/")]
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.requests.append(Request(method, path, query))
        route = self._answers.route(segments)
        self._names.update(route.names[:-1])
        if self.latency:
            await asyncio.sleep(self.latency)
        answer = self._refusal(method, headers)
        action: Action | None = None
        if answer is None:
            for fault in route.faults:
                if fault.on_request is not None:
                    fault.on_request(route.endpoint, _page(query))
            for fault in route.faults:
                action = fault.action(route.names)
                if action is not None:
                    break
        kind, _, argument = str(action).partition(":") if action is not None else ("ok", "", "")
        if kind == "drop":
            writer.transport.abort()
            return False
        if kind == "hang":
            await asyncio.sleep(float(argument or 5))
        if answer is None:
            answer = self._spoilt(kind, argument) or self._answers.answer(route, query)
        if kind == "truncated":
            answer = answer._replace(body=answer.body[: max(1, len(answer.body) * 2 // 3)])
        self.statuses[answer.status] += 1
        data = self._head(answer, headers.get("trakt-api-key", "")) + answer.body
        if kind == "cut":
            writer.write(data[: len(data) - max(1, len(answer.body) // 2)])
            await writer.drain()
            return False
        if kind == "trickle":
            for start in range(0, len(data), 512):
                writer.write(data[start : start + 512])
                await writer.drain()
                await asyncio.sleep(float(argument or 0.01))
            return True
        writer.write(data)
        await writer.drain()
        return True

    def _refusal(self, method: str, headers: dict[str, str]) -> Answer | None:
        """What is answered before the path matters: edge, key, required headers, rate limit."""
        if self.faults.edge_block or not headers.get("user-agent"):
            return Answer(403, [_HTML], EDGE_PAGE, edge=True)
        if not headers.get("trakt-api-key") or self.faults.key_invalid:
            return Answer(403, [("Content-Type", "text/plain;charset=UTF-8")], b"Forbidden")
        if headers.get("trakt-api-version") != "2":
            return Answer(412)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Answer(412)
        remaining, until = self._spend(headers["trakt-api-key"])
        if remaining < 0:
            self.beyond += 1
            wait = max(1, math.ceil(until - self.clock()))
            return _busy(wait)
        if method != "GET":
            return Answer(405)
        return None

    def _spoilt(self, kind: str, argument: str) -> Answer | None:
        """The answer of a failure action; None when the proper answer is to be given."""
        if kind == "429":
            return _busy(int(argument or 1))
        if kind == "429-bare":
            return Answer(429, [_HTML], _BUSY_PAGE, edge=True)
        if kind == "403html":
            return Answer(403, [_HTML], EDGE_PAGE, edge=True)
        if kind == "html200":
            return Answer(200, [_HTML], _SORRY_PAGE, edge=True)
        if kind == "object200":
            return Answer(200, body=b'{"error":"something went wrong"}')
        if kind.isdigit():
            status = int(kind)
            return Answer(status, [_HTML] if status >= 500 else [], _SORRY_PAGE if status >= 500 else b"")
        if kind not in ("ok", "cut", "truncated", "hang", "trickle"):
            raise RuntimeError(f"no such action: {kind}")
        return None

    def _window(self, key: str) -> list[float]:
        now, window = self.clock(), self._windows.get(key)
        if window is None or now >= window[0]:
            window = self._windows[key] = [now + self.period, 0]
        return window

    def _spend(self, key: str) -> tuple[int, float]:
        """Count a request of a key; what remains (below 0: refused) and when the window ends."""
        window = self._window(key)
        window[1] += 1
        return self.limit - int(window[1]), window[0]

    def _head(self, answer: Answer, key: str) -> bytes:
        """Status line and headers; those of the API only when the answer does not come from the edge."""
        now = int(self.clock())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        lines = [
            f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}",
            f"Date: {self._date[1]}",
        ]
        lines += [f"{name}: {value}" for name, value in answer.headers]
        if not any(name == "Content-Type" for name, _ in answer.headers) and answer.status != 204:
            lines.append("Content-Type: " + ("application/json; charset=utf-8" if answer.body else "text/html"))
        if not answer.edge:
            lines.append("Cache-Control: private, no-cache, no-store, must-revalidate")
            lines.append("X-Runtime: 0.012345")
            if key:
                lines.append(f"X-Ratelimit: {self._ratelimit(key)}")
        if answer.status != 204:
            lines.append(f"Content-Length: {len(answer.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _ratelimit(self, key: str) -> str:
        until, used = self._window(key)
        moment = datetime.fromtimestamp(math.ceil(until), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps(
            {
                "name": "UNAUTHED_API_GET_LIMIT",
                "period": int(self.period),
                "limit": self.limit,
                "remaining": max(0, self.limit - int(used)),
                "until": moment,
            },
            separators=(",", ":"),
        )


async def _end_connections() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)


def _busy(wait: int) -> Answer:
    body = msgspec.json.encode({"error": f"rate limit reached, wait {wait} seconds"})
    return Answer(429, [("Retry-After", str(wait))], body)


def _page(query: dict[str, str]) -> int:
    text = query.get("page", "1")
    return int(text) if text.isdigit() and int(text) else 1
