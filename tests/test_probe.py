"""What changed is found in a few requests, and what is read of it equals a full reading."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.schedule import DAY, full_read_due
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults
from tests.test_resume import contents

pytestmark = pytest.mark.one_database


@pytest.fixture
def account():
    return make_account("otter", movies=30, shows=6, plays=700, ratings=20, collection_movies=0, collection_shows=0)


def requests(sandbox, home, *arguments):
    sandbox.forget()
    result = home.call("run", *(arguments or ("otter",)))
    assert result.code == 0, result.err
    return sandbox.count()


def test_an_unchanged_user_costs_two_requests_and_one_new_play_four(home, served, account):
    sandbox = served(account)
    home.call("run", "otter")

    unchanged = requests(sandbox, home)
    movie = next(title for title in account.titles if title.kind == "movie")
    account.add_play(movie, "2026-10-02T20:00:00.000Z")
    one_play = requests(sandbox, home)

    assert (unchanged, one_play) == (2, 4)
    assert home.rows("select count(*) from watches") == [(701,)]


def test_where_stats_is_refused_the_lists_stand_in(home, served, account):
    account.faults = Faults(stats_404=True)
    sandbox = served(account)
    home.call("run", "otter")

    unchanged = requests(sandbox, home)
    account.add_play(next(title for title in account.titles if title.kind == "show"), "2026-10-02T20:00:00.000Z")
    changed = requests(sandbox, home)

    assert unchanged <= 7
    assert changed < 12
    assert home.rows("select count(*) from watches") == [(701,)]


def test_a_collection_that_stats_do_not_count_is_asked_for_in_turn(home, served):
    account = make_account("otter", movies=8, shows=2, plays=40, collection_movies=5, collection_shows=2)
    sandbox = served(account)
    home.call("run", "otter")

    assert requests(sandbox, home) == 3
    del account.collection_movies[0]
    del account.collection_shows[0]
    account.changed()
    assert requests(sandbox, home) == 4


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [("ratings", 403), ("ratings", 204), ("history", 403), ("history", 204), ("watched_movies", 403)],
)
def test_what_was_refused_or_not_believed_is_asked_for_again_the_next_night(home, served, account, endpoint, answer):
    sandbox = served(account)
    home.call("run", "otter")
    movie = next(title for title in account.titles if title.kind == "movie")
    account.add_play(movie, "2026-10-02T20:00:00.000Z")
    account.ratings[:] = [row for row in account.ratings if row.get("movie", {}).get("ids") != movie.movie()["ids"]]
    account.ratings.append(
        {"rated_at": "2026-10-02T21:00:00.000Z", "rating": 10, "type": "movie", "movie": movie.movie()}
    )
    account.changed()
    account.faults = Faults(fail_always={endpoint: answer})
    home.call("run", "otter")
    account.faults = Faults()

    asked = requests(sandbox, home)
    nightly = contents(home)
    settled = requests(sandbox, home)
    home.call("run", "otter", "--full")

    assert nightly == contents(home)
    assert home.rows("select count(*) from watches") == [(701,)]
    assert home.rows(f"select score from library_entries where trakt_id = {movie.trakt}") == [(10,)]
    assert asked < 12
    assert settled == 2


def test_one_who_became_private_keeps_everything(home, served, account):
    sandbox = served(account)
    home.call("run", "otter")
    rows = contents(home)
    account.faults = Faults(privacy="all_empty")
    sandbox.forget()

    assert home.call("run", "otter").code == 5
    assert contents(home) == rows


@given(
    every=st.integers(1, 40),
    users=st.lists(st.text("abcdefgh", min_size=1, max_size=8), min_size=1, max_size=30, unique=True),
    jitter=st.integers(-600, 600),
)
def test_full_readings_are_spread_and_neither_too_rare_nor_too_frequent(every, users, jitter):
    nights = 4 * every
    for slug in users:
        last, gaps = 0.0, []
        for night in range(1, nights):
            now = night * DAY + (jitter if night % 3 else 0)
            at = dt.datetime.fromtimestamp(last, dt.UTC).isoformat()
            if full_read_due(slug, at, now, every):
                gaps.append((now - last) / DAY)
                last = now
        assert gaps or every > nights
        assert max(gaps) <= every + 0.5
        assert min(gaps) >= every / 2


def test_those_who_came_together_are_not_read_in_full_together():
    readings = Counter()
    for number in range(280):
        last = 0.0
        for night in range(1, 60):
            at = dt.datetime.fromtimestamp(last, dt.UTC).isoformat()
            if full_read_due(f"user-{number}", at, night * DAY, 14):
                readings[night] += 1
                last = night * DAY
    steady = [readings[night] for night in range(30, 60)]
    assert max(steady) <= 3 * 280 / 14
    assert sum(steady) < 30 * 1.1 * 280 / 14
