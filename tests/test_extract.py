"""The extract stage through its door, against the sandbox."""

from __future__ import annotations

import asyncio
import logging
import threading

import pyarrow.parquet as pq
import pytest

from pipeline.errors import ConfigurationError, NotFound, PrivateProfile, RateLimited, TraktImportError, Unavailable
from pipeline.events import Extracted
from stages.extract import Profile
from stages.extract.endpoints import LISTS
from tests.house import KEY, House
from tests.sandbox.faults import PRIVACY, Faults


def texts(event: Extracted, endpoint: str) -> list[str]:
    return [doubt.text for doubt in event.doubts if doubt.endpoint == endpoint]


def test_a_profile_is_read_whole_with_nothing_doubted(house: House) -> None:
    account = house.add(plays=700, movies=300, collection_movies=20, watching=True)
    event = house.extract("otter")
    assert len({row["id"] for row in house.rows("history", event)}) == 700
    assert {len(house.rows("watched_movies", event)), event.endpoints["watched_movies"].staged} == {300}
    assert len(house.rows("collection_movies", event)) == 20
    assert event.inputs == dict.fromkeys(event.endpoints, ("r1",))
    assert (event.user_id, event.trakt_slug, event.doubts) == ("user-1", "otter", ())
    assert house.met == [Profile(account.profile["username"], "otter", account.profile["ids"]["trakt"])]
    assert event.requests == len(house.sandbox.requests)


def test_the_profile_is_asked_first_of_an_unknown_user_and_side_by_side_of_a_known_one(house: House) -> None:
    house.add()
    house.extract("OTTER")
    assert house.sandbox.requests[0].path == "/users/OTTER"
    assert all(request.path.startswith("/users/otter/") for request in house.sandbox.requests[1:])
    assert house.extract("otter", known="otter").endpoints["history"].staged == 40


def test_every_paged_request_names_page_and_limit(house: House) -> None:
    house.add()
    house.extract("otter")
    paged = [request for request in house.sandbox.requests if request.path.count("/") > 2]
    lists = [request for request in paged if not request.path.endswith(("/stats", "/watching"))]
    assert len(lists) >= 7
    assert all({"page", "limit"} <= set(request.query) for request in lists)


def test_files_are_private_and_one_for_each_answer(house: House) -> None:
    house.add()
    event = house.extract("otter")
    files = [path for path in (house.folder / "staged").rglob("*") if path.is_file()]
    assert len(files) == sum(read.requests for read in event.endpoints.values())
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_22000_plays_come_over_where_counts_lag_and_a_page_in_the_middle_is_empty(house: House) -> None:
    account = house.add(plays=5500, movies=30, shows=40)
    account.faults = Faults(page_lag={"history": 4}, empty_page={"history": 9})
    event = house.extract("otter")
    assert len({row["id"] for row in house.rows("history", event)}) == 5500


@pytest.mark.parametrize("plays", [90, 260])
def test_a_first_page_that_is_empty_and_announces_nothing_is_not_believed_where_plays_are_counted(
    house: House, plays: int
) -> None:
    account = house.add(plays=plays)
    account.faults = Faults(page_lag={"history": 2}, empty_page={"history": 1})
    event = house.extract("otter")
    assert len({row["id"] for row in house.rows("history", event)}) == plays


def test_rows_hidden_at_page_borders_are_found_with_another_page_size(house: House) -> None:
    account = house.add(movies=700, plays=800, ratings=600)
    account.faults = Faults(duplicate_rows={"ratings": 2, "watched_movies": 1})
    event = house.extract("otter")
    assert len({row["movie"]["ids"]["trakt"] for row in house.rows("watched_movies", event)}) == 700
    assert event.endpoints["ratings"].staged - event.endpoints["ratings"].duplicates == 600
    assert event.doubts == ()


def test_plays_missing_from_history_are_asked_for_title_by_title(house: House) -> None:
    account = house.add(plays=1200, movies=20, shows=10)
    account.faults = Faults(dropped_rows={"history": {2: 5}})
    event = house.extract("otter")
    assert len({row["id"] for row in house.rows("history", event)}) == 1200
    assert any("/history/" in request.path for request in house.sandbox.requests)


def test_a_count_that_stays_unmet_is_asked_about_once(house: House) -> None:
    account = house.add(ratings=300)
    account.faults = Faults(item_count_off={"ratings": 3})
    first = house.extract("otter")
    asked = house.sandbox.count("ratings")
    second = house.extract("otter", known="otter")
    assert texts(first, "ratings") == texts(second, "ratings") == ["303 rows announced, 300 came"]
    assert house.sandbox.count("ratings") - asked < asked


@pytest.mark.parametrize("privacy", PRIVACY)
@pytest.mark.parametrize("known", [None, "otter"])
def test_a_private_profile_is_told_in_every_guise(house: House, privacy: str, known: str | None) -> None:
    house.add().faults = Faults(privacy=privacy)
    with pytest.raises(PrivateProfile, match="Profile is private"):
        house.extract("otter", known=known)


@pytest.mark.parametrize("deleted", ["flag", "412"])
def test_a_deleted_profile_is_not_found(house: House, deleted: str) -> None:
    house.add().faults = Faults(deleted=deleted)
    with pytest.raises(NotFound):
        house.extract("otter")


def test_an_unknown_name_is_not_found_and_nothing_is_staged(house: House) -> None:
    with pytest.raises(NotFound):
        house.extract("nobody")
    assert not (house.folder / "staged").exists()


def test_a_guessed_name_is_taken_only_from_a_profile_that_bears_it(house: House) -> None:
    house.add("quiet-otter", username="Quiet.Otter")
    assert house.extract("quiet.OTTER").trakt_username == "Quiet.Otter"
    with pytest.raises(NotFound):
        house.extract("quiet otter")


def test_a_dead_key_is_told_from_a_private_profile(house: House) -> None:
    house.add()
    house.sandbox.faults = Faults(key_invalid=True)
    with pytest.raises(ConfigurationError, match="API key refused"):
        house.extract("otter")


def test_a_page_of_the_edge_is_retried_then_unavailable(house: House) -> None:
    house.add()
    house.sandbox.faults = Faults(edge_block=True)
    with pytest.raises(Unavailable) as error:
        house.extract("otter", patience=60)
    assert KEY not in str(error.value) + error.value.hint
    assert house.patient.slept[0] <= 1
    assert max(house.patient.slept) <= 30
    assert sum(house.patient.slept) == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    "action",
    [
        "drop",
        "cut",
        "truncated",
        "html200",
        "object200",
        "403html",
        408,
        425,
        500,
        502,
        503,
        504,
        520,
        521,
        522,
        "429-bare",
    ],
)
def test_what_passes_is_retried(house: House, action: int | str) -> None:
    house.add().faults = Faults(
        fail={"history": [action, action], "profile": [] if action == "object200" else [action]}
    )
    event = house.extract("otter")
    assert event.endpoints["history"].staged == 40
    assert event.doubts == ()


def test_an_answer_that_is_no_profile_is_not_taken_for_one(house: House) -> None:
    house.add().faults = Faults(fail_always={"profile": "object200"})
    with pytest.raises(Unavailable, match="cannot be read"):
        house.extract("otter")
    assert not (house.folder / "staged").exists()


def test_429_is_waited_out_and_counts_as_waiting_not_as_patience(house: House) -> None:
    house.add().faults = Faults(fail={"history": ["429:50", "429:50"]})
    event = house.extract("otter", patience=5)
    assert event.waited_seconds >= 99
    assert event.endpoints["history"].staged == 40


def test_a_limit_that_opens_too_late_ends_the_run(house: House) -> None:
    house.add().faults = Faults(fail_always={"history": "429:50"})
    with pytest.raises(RateLimited):
        house.extract("otter", max_wait=20)


def test_the_announced_limit_is_never_broken(house: House) -> None:
    house.add(plays=2500)
    house.sandbox.limit, house.sandbox.period = 8, 30
    event = house.extract("otter")
    assert house.sandbox.statuses[429] == 0
    assert event.waited_seconds > 0
    assert event.endpoints["history"].fetched >= 2500


def test_one_endpoint_that_stays_down_lets_the_others_finish(house: House) -> None:
    house.add().faults = Faults(fail_always={"ratings": 503})
    with pytest.raises(Unavailable, match="ratings"):
        house.extract("otter", patience=3)
    staged = {path.name for path in (house.folder / "staged").iterdir()}
    assert staged == {
        "profile", "stats", "watching", "history", "watched_movies", "watched_shows", "watchlist",
        "collection_movies", "collection_shows",
    }  # fmt: skip


def test_a_refusal_is_a_doubt_and_the_last_good_read_stands(house: House) -> None:
    account = house.add()
    house.extract("otter")
    account.faults = Faults(fail_always={"collection_movies": 404})
    event = house.extract("otter", known="otter")
    assert event.inputs["collection_movies"] == ("r1",)
    assert event.inputs["history"] == ("r2",)
    assert event.endpoints["collection_movies"].outcome == "refused"
    assert texts(event, "collection_movies") == ["refused with 404: the last good read stands"]


def test_a_refusal_without_an_earlier_read_leaves_the_endpoint_out(house: House) -> None:
    house.add().faults = Faults(fail_always={"watchlist": 401})
    assert "watchlist" not in house.extract("otter").inputs


@pytest.mark.parametrize("endpoint", ["history", "watched_movies", "ratings"])
def test_a_list_that_is_suddenly_empty_is_not_believed(house: House, endpoint: str) -> None:
    account = house.add()
    house.extract("otter")
    account.faults = Faults(empty_endpoint={endpoint})
    event = house.extract("otter", known="otter")
    assert event.endpoints[endpoint].outcome == "implausible"
    assert event.inputs[endpoint] == ("r1",)
    accepted = house.extract("otter", known="otter", accept=(endpoint,))
    assert accepted.inputs[endpoint] == ("r3",)


def test_a_short_watchlist_may_become_empty_alone_but_not_with_all_the_rest(house: House) -> None:
    account = house.add()
    house.extract("otter")
    account.faults = Faults(empty_endpoint={"watchlist"})
    assert house.extract("otter").endpoints["watchlist"].outcome == "read"
    account.faults = Faults(empty_endpoint={endpoint.name for endpoint in LISTS})
    last = house.extract("otter")
    assert last.endpoints["history"].outcome == "implausible"


def test_stats_that_are_silent_are_no_error(house: House) -> None:
    house.add().faults = Faults(stats_204=True)
    assert house.extract("otter").stats is None


def test_odd_items_are_staged_or_rejected_and_the_books_balance(house: House) -> None:
    house.add(movies=60, shows=10, plays=300, ratings=40, watchlist=20, odd=True)
    event = house.extract("otter")
    for name, read in event.endpoints.items():
        assert read.fetched == read.staged + read.rejected, name
        assert len(house.rows(name, event)) == read.staged
    assert event.endpoints["history"].rejected > 0


def test_the_key_is_in_no_log_and_no_file(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    house.add()
    house.extract("otter")
    assert KEY not in caplog.text
    assert all(KEY.encode() not in path.read_bytes() for path in house.folder.rglob("*") if path.is_file())


def test_an_endpoint_that_fails_before_the_profile_answers_disturbs_no_other(house: House) -> None:
    house.add(plays=900).faults = Faults(
        fail={"profile": ["hang:0.3"]}, fail_always={"ratings": 503, "collection": 404}, page_lag={"history": 1}
    )
    with pytest.raises(Unavailable, match="ratings"):
        house.extract("otter", known="otter", patience=1)
    assert len(list(house.folder.glob("staged/history/*/*/*"))) >= 4


def test_an_error_of_the_caller_stops_before_anything_is_staged(house: House) -> None:
    house.add()

    def locked(profile: Profile) -> tuple[str, str]:
        raise TraktImportError("locked")

    with pytest.raises(TraktImportError, match="locked"):
        house.extract("otter", known="otter", on_profile=locked)
    assert not (house.folder / "staged").exists()


def test_an_interruption_leaves_no_half_file_and_no_thread(house: House) -> None:
    house.add(plays=4000, movies=50, shows=20)

    async def run() -> None:
        task = asyncio.create_task(house.extracting("otter"))
        while not list(house.folder.glob("staged/history/*/*/page-*")):
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert [path for path in house.folder.rglob(".tmp-*")] == []
    for path in house.folder.glob("staged/*/*/*/*.parquet"):
        pq.ParquetFile(path).read()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("staging")]
