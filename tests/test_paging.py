"""The paging rules, against a list in memory; the rate limit, on a clock that is set by hand."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import Clock
from pipeline.errors import RateLimited
from stages.extract.limiter import Limiter, retry_after
from stages.extract.paging import Page, Reading, read_again, read_all


class Shelf:
    """A list served in pages; `hold` says how many rows each page holds, short or empty ones included."""

    def __init__(
        self,
        rows: int,
        *,
        announced: int | None = 0,
        rows_announced: int | None = 0,
        hold: dict[int, int] | None = None,
    ) -> None:
        self.rows = list(range(rows))
        self.hold = hold or {}
        self.pages = announced
        self.rows_announced = rows_announced
        self.seen: set[int] = set()
        self.asked: list[tuple[int, int]] = []
        self.before: Callable[[int], None] = lambda page: None

    def slice(self, page: int, limit: int) -> list[int]:
        start = sum(self.hold.get(number, limit) for number in range(1, page))
        return self.rows[start : start + self.hold.get(page, limit)]

    async def ask(self, page: int, limit: int) -> Page:
        self.before(page)
        self.asked.append((page, limit))
        rows = self.slice(page, limit)
        await asyncio.sleep(random.random() / 1e5)
        new = set(rows) - self.seen
        self.seen |= new
        return Page(len(rows), len(new), limit, self.pages, self.rows_announced)

    def read(self, limit: int = 10, *, newest_first: bool = False) -> Reading:
        reading = Reading(lambda: len(self.seen))
        asyncio.run(read_all(self.ask, limit, reading, newest_first=newest_first))
        return reading

    @property
    def pages_asked(self) -> list[int]:
        return sorted(page for page, _ in self.asked)


def test_no_page_beyond_is_asked_for_where_the_last_was_short_and_the_count_is_met() -> None:
    shelf = Shelf(35, announced=4, rows_announced=35)
    shelf.read()
    assert shelf.pages_asked == [1, 2, 3, 4]


def test_a_full_last_page_is_followed_by_one_more() -> None:
    shelf = Shelf(40, announced=4, rows_announced=40)
    shelf.read()
    assert shelf.pages_asked == [1, 2, 3, 4, 5]


def test_counts_that_lag_do_not_end_the_reading() -> None:
    shelf = Shelf(88, announced=5, rows_announced=48, hold={3: 0, 7: 2})
    shelf.read()
    assert shelf.seen == set(range(88))


def test_an_announced_number_that_grows_is_believed() -> None:
    shelf = Shelf(200, announced=3, rows_announced=30)

    def grow(page: int) -> None:
        shelf.pages, shelf.rows_announced = (20, 200) if page > 1 else (3, 30)

    shelf.before = grow
    shelf.read()
    assert shelf.seen == set(range(200))


@pytest.mark.parametrize("announced", [None, 1])
def test_without_counts_the_first_empty_page_ends_the_reading(announced: int | None) -> None:
    shelf = Shelf(25, announced=announced, rows_announced=None)
    shelf.read()
    assert shelf.pages_asked == [1, 2, 3, 4]


def test_nothing_announced_and_nothing_there_takes_one_request() -> None:
    shelf = Shelf(0, announced=0, rows_announced=0)
    shelf.read()
    assert shelf.pages_asked == [1]


def test_a_server_that_ignores_the_page_is_noticed() -> None:
    shelf = Shelf(25, announced=None, rows_announced=None, hold={1: 25})
    shelf.slice = lambda page, limit: shelf.rows  # type: ignore[method-assign]
    reading = shelf.read()
    assert shelf.pages_asked == [1, 2]
    assert reading.doubts == ["page 2, beyond the 1 announced, only repeats what came before"]


def test_a_server_that_sends_its_last_page_for_every_page_beyond_is_noticed() -> None:
    shelf = Shelf(40, announced=4, rows_announced=None)
    within = shelf.slice
    shelf.slice = lambda page, limit: within(min(page, 4), limit)  # type: ignore[method-assign]
    reading = shelf.read()
    assert shelf.pages_asked == [1, 2, 3, 4, 5, 6]
    assert reading.doubts == ["page 6, beyond the 4 announced, only repeats what came before"]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(0, 90),
    added=st.lists(st.integers(0, 9), max_size=14),
    counts=st.sampled_from(["true", "late", "none"]),
)
def test_any_rows_added_on_top_meanwhile_push_none_out(rows: int, added: list[int], counts: str) -> None:
    shelf = Shelf(rows, announced=-(-rows // 10), rows_announced=rows)
    fresh = iter(range(1000, 2000))
    there: set[int] = set()

    def add(page: int) -> None:
        if len(shelf.asked) < len(added):
            shelf.rows = [next(fresh) for _ in range(added[len(shelf.asked)])] + shelf.rows
        if counts == "true":
            shelf.pages, shelf.rows_announced = -(-len(shelf.rows) // 10), len(shelf.rows)
        if counts == "none":
            shelf.pages = shelf.rows_announced = None

    shelf.before = add
    shelf.read(newest_first=True)
    # What came after the first page was asked for the last time is the next import's.
    assert there <= shelf.seen


def test_the_first_page_of_history_is_read_again_and_followed_as_far_as_it_is_new() -> None:
    shelf = Shelf(35, announced=4, rows_announced=35)

    def twelve_new_plays(page: int) -> None:
        if len(shelf.asked) == 4:
            shelf.rows, shelf.pages, shelf.rows_announced = [*range(100, 112), *shelf.rows], 5, 47

    shelf.before = twelve_new_plays
    shelf.read(newest_first=True)
    assert shelf.seen == set(range(35)) | set(range(100, 112))


def test_one_page_of_history_is_not_read_again() -> None:
    shelf = Shelf(5, announced=1, rows_announced=5)
    shelf.read(newest_first=True)
    assert shelf.pages_asked == [1]


def test_asking_again_takes_other_borders_and_no_more_requests() -> None:
    shelf = Shelf(35, announced=4, rows_announced=36)
    reading = shelf.read()
    first, shelf.asked = len(shelf.asked), []
    asyncio.run(read_again(shelf.ask, 10, reading))
    assert len(shelf.asked) <= first
    assert {limit for _, limit in shelf.asked} == {8}


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(0, 120),
    lag=st.integers(0, 4),
    hold=st.dictionaries(st.integers(1, 8), st.integers(0, 9), max_size=4),
)
def test_any_split_of_a_list_comes_over_whole_when_no_empty_page_lies_beyond_the_announced(
    rows: int, lag: int, hold: dict[int, int]
) -> None:
    shelf = Shelf(rows, hold=hold)
    whole = (
        next(page for page in range(1, 200) if not any(shelf.slice(beyond, 10) for beyond in range(page, page + 9))) - 1
    )
    announced = max(whole - lag, 0)
    if any(not shelf.slice(page, 10) for page in range(announced + 1, whole + 1)):
        announced = whole
    shelf.pages, shelf.rows_announced = announced, rows if announced == whole else None
    shelf.read()
    assert shelf.seen == set(range(rows))


class Hands:
    """A clock set by hand: sleeping moves it."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self.sleep)


def told(remaining: int, until: float, limit: int = 500) -> dict[str, str]:
    moment = dt.datetime.fromtimestamp(until, dt.UTC).isoformat().replace("+00:00", "Z")
    ratelimit = {
        "name": "UNAUTHED_API_GET_LIMIT",
        "period": 300,
        "limit": limit,
        "remaining": remaining,
        "until": moment,
    }
    return {"x-ratelimit": json.dumps(ratelimit)}


def limiter(hands: Hands, max_wait: float = 3600) -> Limiter:
    return Limiter(hands.clock, max_wait, lambda seconds, reason: None)


def test_without_a_header_500_requests_go_out_in_300_seconds() -> None:
    async def run() -> None:
        hands = Hands()
        gate = limiter(hands)
        for _ in range(501):
            await gate.enter()
            gate.leave({})
        assert hands.slept == [300]
        assert gate.waited == 300

    asyncio.run(run())


def test_requests_in_flight_count_before_they_are_answered() -> None:
    async def run() -> None:
        hands = Hands()
        gate = limiter(hands)
        await gate.enter()
        gate.leave(told(3, hands.time + 60))
        until = hands.time + 60
        for _ in range(3):
            assert await gate.enter() == 0
        fourth = asyncio.create_task(gate.enter())
        await asyncio.sleep(0.01)
        assert not fourth.done()
        for remaining in (2, 1, 0):
            gate.leave(told(remaining, until))
        assert await fourth == 60

    asyncio.run(run())


def test_answers_that_overtake_one_another_do_not_give_requests_back() -> None:
    async def run() -> None:
        hands = Hands()
        gate, until = limiter(hands), hands.time + 60
        for _ in range(3):
            await gate.enter()
        for remaining in (1, 3, 2):
            gate.leave(told(remaining, until))
        assert await gate.enter() == 0
        gate.leave(None)
        assert await gate.enter() > 0

    asyncio.run(run())


def test_a_clock_that_is_off_is_corrected_by_the_date_of_the_reply() -> None:
    async def run() -> None:
        hands = Hands()
        gate, theirs = limiter(hands), hands.time + 7200
        await gate.enter()
        date = dt.datetime.fromtimestamp(theirs, dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        gate.leave({**told(0, theirs + 60), "date": date})
        assert await gate.enter() == 60

    asyncio.run(run())


def test_a_block_holds_everybody_until_it_ends() -> None:
    async def run() -> None:
        hands = Hands()
        gate = limiter(hands)
        gate.block(7)
        await asyncio.gather(*(gate.enter() for _ in range(5)))
        assert hands.slept == [7]

    asyncio.run(run())


def test_a_wait_beyond_what_is_allowed_ends_the_request_at_once() -> None:
    async def run() -> None:
        hands = Hands()
        gate = limiter(hands, max_wait=100)
        gate.block(101)
        with pytest.raises(RateLimited):
            await gate.enter()
        assert hands.slept == []

    asyncio.run(run())


@pytest.mark.parametrize(
    "text", ["not json", "{}", '{"limit": "x"}', '{"limit":0,"remaining":0,"until":"2026-01-01T00:00:00Z"}']
)
def test_a_header_that_cannot_be_read_is_no_header(text: str) -> None:
    async def run() -> None:
        gate = limiter(Hands())
        await gate.enter()
        gate.leave({"x-ratelimit": text})
        assert await gate.enter() == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("Mon, 12 Jan 1970 13:47:00 GMT", 20),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, Hands().clock) == seconds
