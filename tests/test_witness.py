"""Every play date in two requests: what differs from the staged plays is told by title, and nothing else ever happens."""

from __future__ import annotations

import json

import pytest

from stages.extract.endpoints import WATCHED_MOVIES, WATCHED_SHOWS
from stages.extract.witness import counted
from tests.house import House
from tests.sandbox.faults import Faults


def doubts(event):
    return [(doubt.title, doubt.text) for doubt in event.doubts if "extended=min" in doubt.text]


def asked(house):
    return [request for request in house.sandbox.requests if request.query.get("extended") == "min"]


def test_two_requests_tell_which_titles_have_plays_that_history_did_not_bring(house: House) -> None:
    account = house.add(movies=12, shows=4, plays=60)
    movie = next(row for row in account.watched_movies)
    hidden = next(row for row in account.history if row.get("movie", {}).get("ids") == movie["movie"]["ids"])
    plays = sum(row.get("movie", {}).get("ids") == movie["movie"]["ids"] for row in account.history)
    hidden["id"] = None
    movie["plays"] = plays - 1
    account.changed()

    event = house.extract("otter")

    number = movie["movie"]["ids"]["trakt"]
    text = f"movie {number}: {plays} dates of plays by extended=min, {plays - 1} plays in history"
    assert doubts(event) == [(movie["movie"]["title"], text)]
    assert len(asked(house)) == 2


def test_a_watched_row_that_tells_the_same_is_not_doubled(house: House) -> None:
    account = house.add(movies=12, shows=4, plays=60)
    next(row for row in account.history if row.get("movie"))["id"] = None
    account.changed()

    event = house.extract("otter")

    assert doubts(event) == []
    assert any("by Trakt's own figure" in doubt.text for doubt in event.doubts)


@pytest.mark.parametrize("answer", [401, 403, 404, 500, "html200", "object200", "403html", "truncated", "drop"])
def test_no_answer_is_no_error_and_is_not_waited_for(house: House, answer: int | str) -> None:
    account = house.add(movies=12, shows=4, plays=60)
    account.faults = Faults(fail={"watched_movies": ["ok", answer], "watched_shows": ["ok", answer]})

    event = house.extract("otter")

    assert event.doubts == ()
    assert {read.outcome for read in event.endpoints.values()} == {"read"}
    assert house.patient.slept == []


def test_a_profile_that_is_known_and_unchanged_is_asked_for_no_dates(house: House) -> None:
    house.add(movies=12, shows=4, plays=60)
    house.extract("otter")
    house.sandbox.forget()

    house.extract("otter", known="otter", full=False)

    assert asked(house) == []


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{}",
        "null",
        "7",
        '{"1": 2}',
        '{"1": {"2": 3}}',
        '{"x": []}',
        '{"1": [[]]',
        '{"1": {"2": {"3": {"4": []}}}}',
    ],
)
def test_another_shape_is_no_witness(body: str) -> None:
    for endpoint in (WATCHED_MOVIES, WATCHED_SHOWS):
        assert counted(body.encode(), endpoint) == {}


def test_the_dates_of_a_title_are_counted_over_its_seasons() -> None:
    body = {"66": {"33|0": {"5": ["a"]}, "34|1": {"6": ["b", "c"], "7": ["d"]}}}
    assert counted(json.dumps(body).encode(), WATCHED_SHOWS) == {("show", "trakt", 66): 4}
    assert counted(b'{"5": ["a", "b"]}', WATCHED_MOVIES) == {("movie", "trakt", 5): 2}
