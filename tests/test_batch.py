"""Everybody in one night: who is in it, what it tells, and what a kill or a broken user changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pipeline.batch
import pipeline.microbatch
from pipeline.microbatch import Extracted
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults
from tests.test_resume import TABLES, contents

ROOT = str(Path(__file__).resolve().parents[1])


def crowd(count, **options):
    sizes = {"movies": 6, "shows": 2, "plays": 40, "collection_movies": 0, "collection_shows": 0} | options
    return [make_account(f"user-{number}", seed=number, **sizes) for number in range(count)]


def enlist(home, accounts):
    for account in accounts:
        home.call("users", "add", account.slug, "--nightly")


def empty(home):
    for table in (*TABLES, "import_runs"):
        home.change(f"delete from {table}")
    home.change("update trakt_accounts set last_run_id = null")


def test_the_batch_takes_those_marked_and_tells_about_each(home, served, monkeypatch):
    accounts = crowd(4)
    sandbox = served(*accounts)
    enlist(home, accounts[:3])
    accounts[1].faults = Faults(privacy="classic_401")
    monkeypatch.setenv("LOG_FORMAT", "json")

    first = home.call("batch", "--json")
    sandbox.forget()
    second = home.call("batch", "--json")

    assert first.code == second.code == 9
    told = {user["user"]: user for user in first.json["users"]}
    assert set(first.json) == {"users", "requests", "waited_seconds"}
    assert {slug: user["status"] for slug, user in told.items()} == {
        "user-0": "changed",
        "user-1": "failed",
        "user-2": "changed",
    }
    assert told["user-1"]["exit_code"] == 5
    lines = [json.loads(line) for line in first.err.splitlines()]
    assert {line["user"] for line in lines if "user" in line} == set(told)
    assert sandbox.count("stats") - 1 == sandbox.count("watchlist") - 1 == 2 or sandbox.count("watchlist") == 2
    assert second.json["requests"] == sandbox.count()
    assert [user["requests"] for user in second.json["users"] if user["status"] == "unchanged"] == [2, 2]
    assert 'users{status="unchanged"} 2' in (home.path / "data/reports/trakt_import.prom").read_text()


def test_several_users_of_one_profile_cost_one_reading(home, served):
    account = crowd(1)[0]
    sandbox = served(account)
    for user_id in ("a", "b"):
        home.call("users", "add", "user-0", "--user-id", user_id, "--nightly")
    sandbox.forget()

    result = home.call("batch", "--json")

    assert result.code == 0, result.err
    assert [user["user_id"] for user in result.json["users"]] == ["a", "b"]
    assert sandbox.count("stats") == 1
    assert home.rows("select user_id, count(*) from watches group by 1") == [("a", 40), ("b", 40)]


def test_who_breaks_a_micro_batch_is_set_aside_alone(home, served, monkeypatch):
    accounts = crowd(5)
    served(*accounts)
    enlist(home, accounts)
    transform = pipeline.microbatch.ROUTES[Extracted]

    def broken(batch):
        if any(run.request.user == "user-2" for run in batch):
            raise RuntimeError("this one breaks it")
        return transform(batch)

    monkeypatch.setitem(pipeline.microbatch.ROUTES, Extracted, broken)
    result = home.call("batch", "--json")

    assert result.code == 9
    assert [user["user"] for user in result.json["users"] if user["status"] == "failed"] == ["user-2"]
    assert home.rows("select count(distinct user_id) from watches") == [(4,)]


@pytest.mark.one_database
@pytest.mark.parametrize("stage", ["reading", "loading"])
def test_a_killed_batch_goes_on_where_it_was_and_ends_as_a_full_import_of_the_day(home, served, monkeypatch, stage):
    accounts = crowd(8)
    sandbox = served(*accounts)
    enlist(home, accounts)
    accounts[3].faults = Faults(fail_always={"history": 503})
    monkeypatch.setenv("TRAKT_PATIENCE", "1")
    monkeypatch.setattr(pipeline.batch, "AT_ONCE", 2)
    monkeypatch.setattr(pipeline.batch, "MICRO_BATCH", 3)
    finished = []

    def killed(done, run):
        finished.append(run.request.user)
        if len(finished) == 3:
            signal.raise_signal(signal.SIGINT)
        return done(run)

    if stage == "loading":
        tell = pipeline.batch.Batch._tell
        monkeypatch.setattr(
            pipeline.batch.Batch, "_tell", lambda self, runs: [killed(lambda r: tell(self, [r]), r) for r in runs]
        )
    else:
        read = pipeline.batch.read_profile

        async def stopped(run, known, **options):
            killed(lambda r: None, run)
            return await read(run, known, **options)

        monkeypatch.setattr(pipeline.batch, "read_profile", stopped)
    assert home.call("batch").code == 130
    monkeypatch.undo()
    values = {"TRAKT_CLIENT_ID": "k", "TRAKT_API_URL": sandbox.url, "DATABASE_URL": home.database.url}
    for name, value in {**values, "TRAKT_PATIENCE": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home.path)
    accounts[5].faults = Faults(privacy="all_empty")
    read = {row[0] for row in home.rows("select trakt_slug from import_runs")}
    sandbox.forget()

    result = home.call("batch", "--json")

    assert result.code == 9
    failed = {user["user"] for user in result.json["users"] if user["status"] == "failed"}
    assert failed - {"user-5"} == {"user-3"}, result.json["users"]
    assert not any(request.path.startswith(f"/users/{slug}/") for slug in read for request in sandbox.requests)
    assert len(result.json["users"]) == 8
    rows = contents(home)
    empty(home)
    for account in accounts:
        if account.slug not in failed:
            account.faults = Faults()
            assert home.call("run", account.slug, "--full").code == 0
    assert contents(home) == rows


@pytest.mark.one_database
def test_a_batch_that_is_killed_outright_reads_nobody_twice(home, served):
    accounts = crowd(6, plays=300)
    sandbox = served(*accounts, latency=0.03)
    enlist(home, accounts)
    process = subprocess.Popen([sys.executable, "-m", "pipeline", "-q", "batch"], env=os.environ | {"PYTHONPATH": ROOT})
    journals = home.path / "data" / "runs"
    until = time.monotonic() + 60
    while len(list(journals.glob("*/events/*Extracted.json"))) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    read = {json.loads(file.read_bytes())["trakt_slug"] for file in journals.glob("*/events/*Extracted.json")}
    sandbox.forget()

    result = home.call("batch", "--json")

    assert result.code == 0, result.err
    assert len(read) >= 2
    assert not [request for request in sandbox.requests if request.path.split("/")[2] in read]
    rows = contents(home)
    empty(home)
    for account in accounts:
        assert home.call("run", account.slug, "--full").code == 0
    assert contents(home) == rows


@pytest.mark.one_database
def test_two_batches_do_not_overlap(home, served):
    accounts = crowd(1)
    served(*accounts)
    enlist(home, accounts)
    from pipeline.locks import night_lock
    from pipeline.storage import Storage

    with night_lock(Storage("data")):
        result = home.call("batch", "--json")

    assert result.code == 8
    assert "Import is running" in result.json["error"]


@pytest.mark.one_database
def test_names_come_from_a_file(home, served):
    accounts = crowd(3)
    served(*accounts)
    (home.path / "names").write_text("# tonight\nuser-1\n\n@User-2\n")

    result = home.call("batch", "--users", "names", "--json")

    assert result.code == 0, result.err
    assert {user["user"] for user in result.json["users"]} == {"user-1", "user-2"}


@pytest.mark.one_database
def test_a_name_that_cannot_be_one_stops_nobody(home, served):
    served(*crowd(2))
    (home.path / "names").write_text("user-1\nsomebody@example.org\n日本\nuser-0\n", encoding="utf-8")

    result = home.call("batch", "--users", "names", "--json")

    assert result.code == 9
    told = {user["user"]: (user["status"], user.get("exit_code")) for user in result.json["users"]}
    assert told == {
        "user-0": ("changed", None),
        "user-1": ("changed", None),
        "somebody@example.org": ("failed", 2),
        "日本": ("failed", 4),
    }


@pytest.mark.one_database
def test_a_blocked_name_fails_alone_and_is_not_asked_for(home, served):
    sandbox = served(*crowd(2))
    home.call("forget", "user-0")
    home.call("users", "add", "user-0")
    home.call("forget", "user-0")
    (home.path / "names").write_text("user-0\nuser-1\n")

    result = home.call("batch", "--users", "names", "--json")

    assert result.code == 9, result.out
    told = {user["user"]: user for user in result.json["users"]}
    assert (told["user-0"]["exit_code"], told["user-0"]["run_id"], told["user-1"]["status"]) == (2, None, "changed")
    assert "blocked" in told["user-0"]["error"]
    assert not [request for request in sandbox.requests if "user-0" in request.path]
    assert len(home.call("runs", "--json").json) == 1


def test_who_is_forgotten_while_a_batch_waits_is_not_loaded(home, served, monkeypatch):
    accounts = crowd(3)
    served(*accounts)
    enlist(home, accounts)
    home.call("batch")
    read = pipeline.batch.Batch._read_all

    async def forgotten(batch, *arguments):
        home.change("update trakt_accounts set blocked_at = '2026-01-01T00:00:00Z' where user_id = 'user-1'")
        await read(batch, *arguments)

    monkeypatch.setattr(pipeline.batch.Batch, "_read_all", forgotten)
    before = home.rows("select * from trakt_accounts where user_id = 'user-1'")
    result = home.call("batch", "--full", "--json")

    assert result.code == 9
    told = {user["user"]: (user["status"], user.get("exit_code")) for user in result.json["users"]}
    assert (told["user-1"], told["user-0"][0], told["user-2"][0]) == (("failed", 2), "unchanged", "unchanged")
    assert home.rows("select last_run_id, last_imported_at from trakt_accounts where user_id = 'user-1'") == [
        (before[0][6], before[0][7])
    ]


def test_what_was_asked_for_one_who_failed_is_counted(home, served, monkeypatch):
    accounts = crowd(2)
    sandbox = served(*accounts)
    enlist(home, accounts)
    accounts[0].faults = Faults(fail_always={"history": 503})
    monkeypatch.setenv("TRAKT_PATIENCE", "1")
    sandbox.forget()

    result = home.call("batch", "--json")

    assert result.code == 9
    told = {user["user"]: user["requests"] for user in result.json["users"]}
    asked = {slug: sum(f"/users/{slug}" in request.path for request in sandbox.requests) for slug in told}
    assert told == asked
    assert result.json["requests"] == sum(asked.values())


@pytest.mark.one_database
def test_a_refused_key_ends_the_batch(home, served):
    accounts = crowd(30)
    sandbox = served(*accounts, faults=Faults(key_invalid=True))
    enlist(home, accounts)

    result = home.call("batch", "--json")

    assert result.code == 3
    assert sandbox.count() < 60
    # With a good key the same night goes on, and leaves out nobody.
    sandbox.faults = Faults()
    mended = home.call("batch", "--json")
    assert mended.code == 0, mended.out
    assert [user["status"] for user in mended.json["users"]] == ["changed"] * 30
