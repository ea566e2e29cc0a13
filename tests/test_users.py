"""Who is on record, and their libraries once more against today's catalogue."""

from __future__ import annotations

import shutil
import signal

import pytest

import pipeline.replaying
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults
from tests.test_resume import contents


def test_an_account_moves_to_another_profile_only_when_told(home, served):
    first, second = (
        make_account("otter", movies=6, shows=1, plays=20),
        make_account("beaver", movies=6, shows=1, plays=20),
    )
    served(first, second)
    assert home.call("run", "otter", "--user-id", "7").code == 0

    refused = home.call("run", "beaver", "--user-id", "7", "--json")
    moved = home.call("users", "add", refused.json["hint"].split()[-3], "--user-id", "7")
    again = home.call("run", "beaver", "--user-id", "7")

    assert refused.code == 2
    assert refused.json["hint"].endswith("trakt-import users add beaver --user-id 7")
    assert moved.code == again.code == 0
    assert home.rows("select user_id, trakt_slug from trakt_accounts") == [("7", "beaver")]
    # Nothing that is otter's looks as if it had vanished from beaver's profile.
    assert home.call("report", "--format", "json").json["gone"] == []


@pytest.mark.one_database
def test_who_was_renamed_keeps_the_last_good_reads(home, served):
    account = make_account("otter", movies=6, shows=1, plays=20, ratings=5)
    sandbox = served(account)
    home.call("run", "otter")
    scores = home.rows("select title_id, score from library_entries order by title_id")
    account.profile |= {"username": "beaver", "ids": account.profile["ids"] | {"slug": "beaver"}}
    account.faults = Faults(fail_always={"ratings": 403})
    account.changed()
    sandbox.accounts = {"beaver": account}

    result = home.call("run", "beaver")

    assert result.code == 0
    assert "ratings: refused with 403: the last good read stands" in result.err
    assert home.rows("select user_id, trakt_slug from trakt_accounts") == [("otter", "beaver")]
    assert home.rows("select title_id, score from library_entries order by title_id") == scores


@pytest.mark.one_database
def test_a_blocked_user_is_not_imported_until_added_again(home, served):
    served(make_account("otter", movies=6, shows=1, plays=20))
    home.call("run", "otter")
    home.change("update trakt_accounts set blocked_at = '2026-01-01T00:00:00Z'")

    blocked = home.call("run", "otter")
    home.call("users", "add", "otter", "--nightly")

    assert blocked.code == 2
    assert "blocked" in blocked.err
    assert home.call("run", "otter").code == 0
    assert [user["nightly"] for user in home.call("users", "list", "--json").json] == [True]


def test_replay_brings_what_the_catalogue_lacked_and_asks_trakt_nothing(home, served, monkeypatch):
    monkeypatch.setattr(pipeline.replaying, "MICRO_BATCH", 2)
    accounts = [make_account(f"otter-{number}", seed=number, movies=8, shows=2, plays=60) for number in range(3)]
    sandbox = served(*accounts)
    whole = home.rows("select * from titles order by title_id")
    lacking = whole[0][0]
    home.change(f"delete from titles where title_id = '{lacking}'")
    for account in accounts:
        home.call("run", account.slug)
    home.call("run", "otter-1", "--user-id", "again")
    sandbox.forget()
    home.change(f"insert into titles values ({', '.join('null' if v is None else repr(v) for v in whole[0])})")

    result = home.call("replay", "--all", "--json")
    rows = contents(home)

    assert result.code == 0, result.err
    assert sandbox.count() == 0
    assert len(result.json) == 4
    matched = [entry for entry in result.json if entry["matched"]]
    assert matched
    assert all(entry["imported_count"] == 1 for entry in matched)
    for account in accounts:
        home.call("run", account.slug, "--full") if account.slug != "otter-1" else None
    assert contents(home) == rows
    assert home.rows("select distinct source from import_runs order by 1") == [("api",), ("replay",)]


@pytest.mark.one_database
def test_replay_of_one_who_is_not_staged_fails_alone(home, served):
    served(make_account("otter", movies=6, shows=1, plays=20))
    home.call("run", "otter")
    home.call("users", "add", "nobody")

    result = home.call("replay", "--all")

    assert result.code == 9
    assert "nobody" in result.err
    assert "otter: 0 imported" in result.out


@pytest.mark.one_database
def test_a_read_that_somebody_removed_is_missed_and_not_taken_for_an_empty_one(home, served):
    served(make_account("otter", movies=6, shows=1, plays=20, ratings=5))
    home.call("run", "otter")
    scores = home.rows("select title_id, score from library_entries order by title_id")
    shutil.rmtree(home.path / "data/staged/ratings/user=otter")

    replayed = home.call("replay", "otter")
    again = home.call("run", "otter")

    assert replayed.code == 9
    assert "ratings of otter" in replayed.err
    assert again.code == 0
    assert "0 imported" in again.out
    assert (home.path / "data/staged/ratings/user=otter").exists()
    assert home.rows("select title_id, score from library_entries order by title_id") == scores


@pytest.mark.one_database
def test_a_replay_that_is_interrupted_ends_what_it_is_at_and_begins_nothing_else(home, served, monkeypatch):
    monkeypatch.setattr(pipeline.replaying, "MICRO_BATCH", 1)
    accounts = [make_account(f"otter-{number}", seed=number, movies=6, shows=1, plays=20) for number in range(6)]
    served(*accounts)
    for account in accounts:
        home.call("run", account.slug)
    tell = pipeline.replaying._tell
    monkeypatch.setattr(pipeline.replaying, "_tell", lambda *told: (signal.raise_signal(signal.SIGINT), tell(*told)))

    interrupted = home.call("replay", "--all")
    runs = home.call("runs", "--json").json
    monkeypatch.undo()

    assert interrupted.code == 130
    replays = [run for run in runs if run["source"] == "replay"]
    assert 1 <= len(replays) < 6
    assert {run["status"] for run in replays} == {"completed"}
    assert home.call("replay", "--all").code == 0


def traces(home, word):
    """The files under DATA_URL that name the user."""
    found = []
    for file in (home.path / "data").rglob("*"):
        if file.is_file() and not file.name.startswith("app.db"):
            if file.suffix == ".parquet":
                import pyarrow.parquet as pq

                text = str(pq.ParquetFile(file).read().to_pylist())
            else:
                text = file.read_text(errors="replace")
            if word in text or word in str(file):
                found.append(str(file.relative_to(home.path)))
    return found


def test_forget_leaves_no_trace_but_the_block_and_what_somebody_touched(home, served):
    served(
        make_account("otter", movies=6, shows=2, plays=60), make_account("beaver", seed=1, movies=6, shows=2, plays=60)
    )
    for name in ("otter", "beaver"):
        home.call("users", "add", name, "--nightly")
    assert home.call("batch").code == 0
    beaver = home.rows("select * from library_entries where user_id = 'beaver' order by 1, 2")
    title = home.rows("select title_id from library_entries where user_id = 'otter' order by 1")[0][0]
    home.change(f"update library_entries set score = 1 where user_id = 'otter' and title_id = '{title}'")

    result = home.call("forget", "otter")

    assert result.code == 0, result.err
    assert "library entries" in result.out
    assert traces(home, "otter") == []
    assert home.rows("select title_id from library_entries where user_id = 'otter'") == [(title,)]
    assert home.rows("select count(*) from watches where user_id = 'otter'") == [(0,)]
    assert home.rows("select * from library_entries where user_id = 'beaver' order by 1, 2") == beaver
    assert home.rows("select * from trakt_accounts where user_id = 'otter'")[0][:5] == ("otter", None, "otter", None, 0)
    assert home.call("run", "otter").code == 2
    assert traces(home, "otter") == []
    assert home.call("run", "beaver", "--full", "--json").json["imported_count"] == 0
    assert home.call("forget", "nobody").code == 2


@pytest.mark.one_database
@pytest.mark.parametrize("typed", ["https://app.trakt.tv/users/Quiet-Otter", "@quiet-otter", "Quiet.Otter"])
def test_forget_finds_one_who_never_let_us_in_by_whatever_was_typed(home, served, typed):
    faults = Faults(privacy="profile_flag")
    served(make_account("quiet-otter", username="Quiet.Otter", movies=2, shows=1, plays=4, faults=faults))
    assert home.call("run", typed).code == 5

    assert home.call("forget", "quiet-otter").code == 0
    assert traces(home, "tter") == []


@pytest.mark.one_database
def test_forget_finds_what_was_read_under_an_older_name(home, served):
    account = make_account("otter", movies=2, shows=1, plays=4)
    sandbox = served(account)
    home.call("run", "otter", "--user-id", "7")
    account.profile |= {"username": "beaver", "ids": account.profile["ids"] | {"slug": "beaver"}}
    account.changed()
    sandbox.accounts = {"beaver": account}
    assert home.call("run", "beaver").code == 0

    assert home.call("forget", "beaver").code == 0
    assert traces(home, "otter") == traces(home, "beaver") == []


def test_forget_leaves_to_another_user_the_profile_that_the_forgotten_one_had_once(home, served):
    sizes = {"movies": 6, "shows": 2, "plays": 60}
    sandbox = served(make_account("otter", **sizes), make_account("beaver", seed=1, **sizes))
    for user_id in ("7", "8"):
        home.call("users", "add", "otter", "--user-id", user_id, "--nightly")
    assert home.call("batch").code == 0
    home.call("users", "add", "beaver", "--user-id", "7")
    assert home.call("run", "beaver", "--user-id", "7").code == 0
    ask = ("query", "select count(*) as plays from latest_history where \"user\" = 'otter'", "--format", "json")
    plays = home.call(*ask).json

    assert home.call("forget", "beaver").code == 0

    assert home.call(*ask).json == plays
    assert traces(home, "beaver") == []
    assert home.call("replay", "otter", "--json").json[0]["imported_count"] == 0
    sandbox.forget()
    assert home.call("run", "otter", "--json").json["imported_count"] == 0
    assert sandbox.count() < 5  # nothing of it was missed


@pytest.mark.one_database
def test_forget_may_leave_the_library(home, served):
    served(make_account("otter", movies=6, shows=2, plays=60))
    home.call("run", "otter")
    rows = contents(home)

    assert home.call("forget", "otter", "--keep-library").code == 0
    assert contents(home) == rows
    home.call("users", "add", "otter")
    assert home.call("run", "otter").code == 0
