"""An interrupted reading goes on where its files end: nothing is asked twice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import StorageError, Unavailable
from pipeline.storage import Storage
from tests.house import House
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults

SIZES: dict[str, Any] = {"movies": 260, "shows": 5, "plays": 800, "ratings": 520, "watchlist": 20}
LISTS = ("history", "watched_movies", "watched_shows", "ratings", "watchlist", "collection_movies", "collection_shows")


ODD = make_account("otter", **SIZES, odd=("rating_zero", "unknown_type"))


class Full(Storage):
    """A disk that has room for so many files more."""

    def __init__(self, storage: Storage, left: int) -> None:
        super().__init__(storage.root)
        self.left = left

    def write(self, name: str, data: bytes, **more: bool) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageError("no space left on device")
        super().write(name, data, **more)


def keys(house: House, event: Any) -> dict[str, set[Any]]:
    """What tells the rows of each list apart."""

    def key(row: dict[str, Any]) -> Any:
        if row.get("action"):
            return row["id"]
        title = row.get("movie") or row["show"]
        part = row.get("season"), row.get("episode")
        return repr((row.get("type"), title["ids"]["trakt"], part))

    return {name: {key(row) for row in house.rows(name, event)} for name in LISTS}


def interrupted(house: House, files: int, **options: Any) -> int:
    """Start a run that ends after so many files; how many answers it staged."""
    with pytest.raises(StorageError):
        house.extract("otter", storage=Full(house.storage, files), **options)
    return len(list(house.folder.glob(f"staged/*/user=otter/run=r{house.runs}/page-*.parquet")))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.integers(1, 17), known=st.sampled_from([None, "otter"]))
def test_whatever_is_staged_is_not_asked_for_again(house: House, files: int, known: str | None) -> None:
    house.sandbox.accounts["otter"] = ODD
    whole = house.extract("otter")
    staged = interrupted(house, files, known=known)

    event = house.resume("otter", known=known)

    # A list that was left in the middle is asked for one page again.
    lists_of_several_pages = 3
    assert staged <= event.requests <= whole.requests + lists_of_several_pages
    assert keys(house, event) == keys(house, whole)
    assert event.doubts == whole.doubts
    for name, read in event.endpoints.items():
        assert read.fetched == read.staged + read.rejected
        assert len(house.rows(name, event)) == read.staged


def test_one_endpoint_that_stays_down_is_all_that_is_asked_for_later(house: House) -> None:
    account = house.add(**SIZES)
    account.faults = Faults(fail_always={"ratings": 503})
    with pytest.raises(Unavailable, match="ratings"):
        house.extract("otter", patience=3)
    account.faults = Faults()
    house.sandbox.forget()

    event = house.resume("otter")

    assert {request.path for request in house.sandbox.requests} == {"/users/otter/ratings"}
    assert house.sandbox.count("ratings") == 3
    assert event.doubts == ()
    assert event.inputs == dict.fromkeys(event.endpoints, ("r1",))


def test_a_page_that_stays_down_is_asked_for_later_and_the_last_whole_page_with_it(house: House) -> None:
    account = house.add(**SIZES)
    house.extract("otter")
    undisturbed = house.sandbox.count("history")

    def down(endpoint: str, page: int) -> None:
        account.faults.fail_always = {"history": 502} if page == 4 else {}

    account.faults = Faults(on_request=down)
    with pytest.raises(Unavailable, match="history"):
        house.extract("otter", patience=3)
    staged = len(list(house.folder.glob("staged/history/user=otter/run=r2/*")))
    account.faults = Faults()
    house.sandbox.forget()

    event = house.resume("otter")

    assert staged
    assert house.sandbox.count("history") == undisturbed - staged + 1
    assert len({row["id"] for row in house.rows("history", event)}) == 800


def change_play_added(account: Any) -> None:
    account.add_play(account.titles[0], "2026-10-02T20:00:00.000Z")


def change_play_removed(account: Any) -> None:
    account.remove_play(40)


def change_rating_moved(account: Any) -> None:
    account.ratings.insert(0, account.ratings.pop(400) | {"rated_at": "2026-10-02T20:00:00.000Z"})
    account.changed()


def change_rating_swapped_for_another(account: Any) -> None:
    kept = account.ratings.pop()
    account.ratings.pop(10)
    account.ratings.insert(0, kept | {"rated_at": "2026-10-02T20:00:00.000Z"})
    account.changed()


@pytest.mark.parametrize(
    "change",
    [change_play_added, change_play_removed, change_rating_moved, change_rating_swapped_for_another],
)
@pytest.mark.parametrize("files", [6, 10, 14])
def test_what_shifted_in_between_is_read_again(house: House, change: Callable[[Any], None], files: int) -> None:
    account = house.add(**SIZES)
    interrupted(house, files)
    change(account)

    event = house.resume("otter")

    assert {row["id"] for row in account.history} <= {row["id"] for row in house.rows("history", event)}
    shown = house.extract("otter")
    assert keys(house, shown)["ratings"] <= keys(house, event)["ratings"]


def test_a_list_that_lost_more_than_a_page_meanwhile_is_read_from_the_start(house: House) -> None:
    account = house.add(**SIZES)
    interrupted(house, 9)
    for _ in range(300):
        account.remove_play(0)

    event = house.resume("otter")

    assert {row["id"] for row in account.history} <= {row["id"] for row in house.rows("history", event)}


def test_a_key_that_died_meanwhile_is_told(house: House) -> None:
    from pipeline.errors import ConfigurationError

    house.add(**SIZES)
    interrupted(house, 9)
    house.sandbox.faults = Faults(key_invalid=True)
    with pytest.raises(ConfigurationError, match="API key refused"):
        house.resume("otter")


def test_torn_writes_of_the_dead_are_cleared_away_and_those_of_the_living_are_not(house: House) -> None:
    house.add(**SIZES)
    interrupted(house, 9)
    folder = house.folder / "staged/history/user=otter/run=r1"
    dead, alive = folder / ".tmp-4194304999-page-00009.parquet", folder / ".tmp-1-page-00008.parquet"
    orphan = house.folder / "staged/rejected/user=otter/run=r1/history-00099.parquet"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    for path in (dead, alive, orphan):
        path.touch()

    house.resume("otter")

    assert not dead.exists()
    assert not orphan.exists()
    assert alive.exists()
