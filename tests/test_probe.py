"""What changed is found in a few requests, and what is read of it equals a full reading."""

from __future__ import annotations

import pytest

from tests.sandbox.accounts import make_account


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
