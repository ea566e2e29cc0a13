"""Everything that goes wrong at once: what comes over is what comes over on a good day, and nothing is hidden."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from stages.extract.endpoints import LISTS
from tests.house import House
from tests.sandbox.accounts import Account, make_account
from tests.sandbox.faults import PRIVACY, Faults

SIZES: dict[str, Any] = {
    "movies": 300, "shows": 6, "plays": 700, "ratings": 300, "watchlist": 30, "collection_movies": 20, "watching": True,
}  # fmt: skip
SWITCHES: dict[str, dict[str, Any]] = {
    "counts lag": {"page_lag": {"history": 2}},
    "a count is too high": {"item_count_off": {"watchlist": 3}},
    "an empty page": {"empty_page": {"watched_movies": 1}},
    "short pages": {"short_pages": {"history": {1: 100, 2: 0}}},
    "rows twice": {"duplicate_rows": {"ratings": 1}},
    "rows cut off": {"dropped_rows": {"history": {2: 2}}},
    "no headers": {"no_pagination_headers": {"collection"}},
    "no stats": {"stats_404": True},
    "history drops": {"fail": {"history": [500, "drop", "cut"]}},
    "a page for people": {"fail": {"profile": ["html200"]}},
    "ratings are cut": {"fail": {"ratings": ["truncated", "cut", 502]}},
    "too many requests": {"fail": {"watched": ["429:2", "429-bare"]}},
    "the edge": {"fail": {"watchlist": ["403html", "object200", 504]}},
    "the edge has no origin": {"fail": {"watching": [520, 521, 522], "collection": [503, "trickle:0.0001"]}},
}
BLOCKS = [list(SWITCHES)[place::4] for place in range(4)]


def thrown(names: list[str]) -> Faults:
    """These switches together."""
    merged: dict[str, Any] = {}
    for name in names:
        for field, value in SWITCHES[name].items():
            both = isinstance(value, dict) and field in merged
            merged[field] = merged[field] | value if both else value
    return Faults(**{field: dict(value) if isinstance(value, dict) else value for field, value in merged.items()})


def keys(house: House, event: Any) -> dict[str, set[Any]]:
    def key(row: dict[str, Any]) -> Any:
        if row.get("action"):
            return row["id"]
        title = row.get("movie") or row["show"]
        return repr((row.get("type"), title["ids"]["trakt"], row.get("season"), row.get("episode")))

    return {endpoint.name: {key(row) for row in house.rows(endpoint.name, event)} for endpoint in LISTS}


# Any two switches are thrown together in one of these, since any two blocks are.
@pytest.mark.parametrize("blocks", list(combinations(range(4), 2)))
def test_any_two_faults_together_lose_nothing(house: House, blocks: tuple[int, int]) -> None:
    account = house.add(**SIZES)
    calm = house.extract("otter")
    account.faults = thrown([name for block in blocks for name in BLOCKS[block]])

    event = house.extract("otter")

    assert keys(house, event) == keys(house, calm)
    assert {name for name, runs in event.inputs.items() if runs != ("r2",)} <= {"stats"}
    told = {doubt.endpoint for doubt in event.doubts}
    # A count that nothing explains is told, and so are statistics that refuse.
    assert ("watchlist" in told) == bool(account.faults.item_count_off)
    assert ("stats" in told) == account.faults.stats_404


@pytest.mark.parametrize("ratings", [260, 300, 499])
def test_rows_that_came_twice_are_reason_enough_where_nothing_counts(house: House, ratings: int) -> None:
    account = house.add(**SIZES | {"ratings": ratings})
    calm = house.extract("otter")
    account.faults = Faults(no_pagination_headers=True, stats_404=True, duplicate_rows={"ratings": 1})

    event = house.extract("otter")

    assert keys(house, event) == keys(house, calm)


@pytest.mark.parametrize("known", [None, "otter"])
@pytest.mark.parametrize("switch", ["a page for people", "history drops"])
@pytest.mark.parametrize("privacy", PRIVACY)
def test_a_private_profile_is_told_through_faults(house: House, privacy: str, switch: str, known: str | None) -> None:
    from pipeline.errors import PrivateProfile

    account = house.add(movies=12, shows=4, plays=40)
    account.faults = thrown([switch])
    account.faults.privacy = privacy
    with pytest.raises(PrivateProfile):
        house.extract("otter", known=known)


def test_plays_that_come_in_while_pages_are_read_come_over(house: House) -> None:
    account = house.add(**SIZES)
    served = iter(range(100))

    def play(endpoint: str, page: int) -> None:
        if endpoint == "history" and page != 1 and (number := next(served)) < 3:
            account.add_play(account.titles[number], f"2026-10-0{number + 1}T20:00:00.000Z")

    account.faults = Faults(on_request=play)

    event = house.extract("otter")

    assert {row["id"] for row in house.rows("history", event)} == {row["id"] for row in account.history}


@pytest.mark.parametrize("seed", range(3))
def test_plays_that_go_while_pages_are_read_take_no_other_with_them(house: House, seed: int) -> None:
    account = house.add(**SIZES, seed=seed)
    removed: list[int] = []

    def forget(endpoint: str, page: int) -> None:
        if endpoint == "history" and page == 3 and not removed:
            removed.append(account.remove_play(10 + seed)["id"])

    account.faults = Faults(on_request=forget)

    event = house.extract("otter")

    came = {row["id"] for row in house.rows("history", event)}
    assert {row["id"] for row in account.history} <= came | set(removed)


def with_few(account: Account, name: str, left: int) -> None:
    rows = getattr(account, name)
    del rows[left:]
    account.changed(stats=False)


@pytest.mark.parametrize("name", [endpoint.name for endpoint in LISTS])
@pytest.mark.parametrize("left", [0, 3])
def test_a_list_that_shrinks_suddenly_is_not_believed_unless_told_to(house: House, name: str, left: int) -> None:
    account = make_account("otter", movies=50, shows=25, plays=300, ratings=40, watchlist=40, collection_movies=40,
                           collection_shows=25)  # fmt: skip
    house.sandbox.accounts["otter"] = account
    house.extract("otter")
    with_few(account, name, left)

    doubted = house.extract("otter")
    accepted = house.extract("otter", accept=(name,))

    assert doubted.endpoints[name].outcome == "implausible"
    assert doubted.inputs[name] == ("r1",)
    assert [doubt.text for doubt in doubted.doubts if "that one stands" in doubt.text]
    assert accepted.inputs[name] == ("r3",)


def test_a_list_that_shrinks_as_the_statistics_say_is_believed(house: House) -> None:
    account = house.add(movies=50, shows=4, plays=300, ratings=40)
    house.extract("otter")
    del account.ratings[5:]
    account.changed()
    assert house.extract("otter").inputs["ratings"] == ("r2",)


def test_what_is_being_watched_stands_until_it_ends_where_the_answer_is_refused(house: House) -> None:
    account = house.add(movies=50, shows=4, plays=300, watching=True)
    house.extract("otter")
    account.faults = Faults(fail_always={"watching": 403})
    event = house.extract("otter")
    assert event.inputs["watching"] == ("r1",)
    account.faults = Faults()
    account.watching = None
    account.changed()
    assert house.extract("otter").inputs["watching"] == ("r3",)
