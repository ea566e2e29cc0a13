"""Whole imports through the command line, against the sandbox."""

from __future__ import annotations

import pytest

from pipeline.duck import copy_to
from pipeline.errors import ConfigurationError
from pipeline.settings import load_settings
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import PRIVACY, Faults

COUNTS = ("imported_count", "skipped_count", "error_count")


def counts(result):
    return tuple(result.json[name] for name in COUNTS)


def test_everything_comes_over_and_the_second_run_changes_nothing(home, served):
    account = make_account("otter", movies=40, shows=8, plays=700, watching=False)
    served(account)

    first = home.call("run", "otter", "--json")
    rows = {
        table: home.rows(f"select * from {table}")
        for table in ("library_entries", "season_entries", "episode_entries", "watches")
    }
    second = home.call("run", "otter", "--json")

    assert first.code == second.code == 0
    assert counts(first)[1:] == (0, 0)
    assert counts(second) == (0, counts(first)[0], 0)
    assert len(rows["watches"]) == len(account.history) == 700
    assert {table: home.rows(f"select * from {table}") for table in rows} == rows
    assert first.err.splitlines()[-1].startswith("run ")
    assert set(first.json) == {*COUNTS, "message", "imported_titles", "skipped_titles"}


def test_22000_plays_come_complete_though_counts_lie_and_a_page_in_the_middle_is_empty(home, served):
    account = make_account("heavy", movies=500, shows=60, plays=22_000)
    account.faults = Faults(page_lag={"history": 4}, empty_page={"history": 40})
    served(account)

    result = home.call("run", "heavy", "--json")

    assert result.code == 0
    assert home.rows("select count(*) from watches") == [(22_000,)]
    assert home.call("report", "--format", "json").json["balanced"]


def test_what_is_not_in_the_catalogue_is_counted_named_and_left_out(home, served):
    served(make_account("otter", movies=20, shows=5, plays=200), missing=3)

    result = home.call("run", "otter", "--json")
    report = home.call("report", "--format", "json").json

    assert counts(result)[2] == 3
    assert len(report["not_in_catalogue"]) == 3
    assert report["balanced"]


def test_add_missing_fills_an_empty_catalogue(home, served):
    account = make_account("otter", movies=20, shows=5, plays=200)
    served(account)
    home.change("delete from titles")

    assert home.call("run", "otter").code == 3
    result = home.call("run", "otter", "--json", "--add-missing")

    assert counts(result)[2] == 0
    assert home.rows("select count(*) from titles where title_id like 'trakt-%'") == [(counts(result)[0],)]


def test_a_dry_run_writes_no_row(home, served):
    served(make_account("otter", movies=20, shows=5, plays=200))

    result = home.call("run", "otter", "--json", "--dry-run")

    assert result.json["message"].startswith("Dry run: ")
    assert counts(result)[0] > 0
    assert home.rows("select count(*) from library_entries") == home.rows("select count(*) from import_runs") == [(0,)]


@pytest.mark.parametrize("variant", sorted(PRIVACY))
def test_a_private_profile_is_told_and_changes_nothing(home, served, variant):
    account = make_account("otter", movies=20, shows=5, plays=200)
    served(account)
    home.call("run", "otter")
    before = home.rows("select * from library_entries")

    account.faults = Faults(privacy=variant)
    result = home.call("run", "otter", "--json")

    assert result.code == 5
    assert home.rows("select * from library_entries") == before


def test_a_users_own_edits_are_kept_and_new_facts_come(home, served):
    account = make_account("otter", movies=20, shows=5, plays=200)
    served(account)
    home.call("run", "otter")
    title = home.rows("select title_id, trakt_id from library_entries where kind = 'movie' order by title_id")[0]
    home.change(f"update library_entries set score = 3, status = 'dropped' where title_id = '{title[0]}'")

    again = home.call("run", "otter", "--json")

    assert counts(again)[0] == 0
    assert home.rows(f"select score, status from library_entries where title_id = '{title[0]}'") == [(3, "dropped")]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["run", ""], 2, "Bad input"),
        (["run", "a@b.example"], 2, "Bad input"),
        (["run", "nobody"], 4, "Username not found"),
        (["run", "日本"], 4, "Username not found"),
        (["run", "otter", "--mode", "sideways"], 2, "Bad input"),
        (["run", "otter", "--accept-empty", "everything"], 2, "Bad input"),
        (["report", "no-such-run"], 2, "Bad input"),
    ],
)
def test_bad_input_ends_with_its_code_and_a_hint(home, served, arguments, code, text):
    served(make_account("otter", movies=5, shows=1, plays=20))

    result = home.call(*arguments, "--json") if arguments[0] == "run" else home.call(*arguments)

    assert result.code == code
    if arguments[0] == "run":
        assert result.json["error"].startswith(text)
        assert result.json["hint"]


def test_no_key_ends_before_any_request(home, served, monkeypatch):
    sandbox = served(make_account("otter", movies=5, shows=1, plays=20))
    monkeypatch.setenv("TRAKT_CLIENT_ID", "")

    result = home.call("run", "otter")

    assert result.code == 3
    assert "API key not configured" in result.err
    assert sandbox.count() == 0


@pytest.mark.one_database
@pytest.mark.parametrize("key", ["k\xe4y", "two words", "two\nlines"])
def test_a_key_that_cannot_be_one_ends_before_any_request(home, served, monkeypatch, key):
    sandbox = served(make_account("otter", movies=5, shows=0, plays=5))
    monkeypatch.setenv("TRAKT_CLIENT_ID", key)

    result = home.call("run", "otter")

    assert (result.code, sandbox.count()) == (3, 0)
    assert "TRAKT_CLIENT_ID" in result.err
    assert key not in result.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///", "names no file"),
        ("sqlite://app.db", "names no file"),
        ("mysql://db/app", "the scheme 'mysql'"),
        ("app.db", "not a URL"),
    ],
)
def test_a_database_url_that_cannot_be_used_says_why(tmp_path, url, said):
    with pytest.raises(ConfigurationError, match=said):
        load_settings({"DATABASE_URL": url}, tmp_path)


def test_a_refused_key_is_told_apart_from_a_private_profile(home, served):
    served(make_account("otter", movies=5, shows=1, plays=20), faults=Faults(key_invalid=True))

    result = home.call("run", "otter")

    assert result.code == 3
    assert "API key refused" in result.err
    assert "client-id-of-the-tests" not in result.err


@pytest.mark.one_database
def test_the_journal_and_the_database_tell_the_same_of_every_run(home, served):
    account = make_account("otter", username="Otter", movies=6, shows=2, plays=40)
    served(account)
    for command in (["run", "otter"], ["run", "OTTER"], ["run", "otter", "--full"], ["replay", "otter"]):
        assert home.call(*command).code == 0
    assert home.call("undo", home.call("runs", "--json").json[0]["run_id"]).code == 0
    assert home.call("run", "otter", "--dry-run").code == 0

    told = home.call("runs", "--json").json
    written = home.rows(f"select {', '.join(told[0])} from import_runs order by run_id desc")

    assert [run["status"] for run in told] == ["dry", "undone", *["completed"] * 3]
    assert [tuple(run.values()) for run in told[1:]] == written


@pytest.mark.one_database
def test_no_column_is_written_as_an_enumeration(home, served, monkeypatch):
    # DuckDB 2.0, in several threads, now and then writes '' for a word of one: too seldom to be waited for.
    account = make_account("otter", movies=6, shows=1, plays=20)
    served(account)
    written = {}

    def watched(connection, storage, query, name, *rest):
        written[name.partition("/batch=")[0]] = [str(kind) for kind in connection.sql(f"from ({query})").types]
        copy_to(connection, storage, query, name, *rest)

    for module in ("stages.transform.stage", "stages.load.merge", "stages.load.merge_table"):
        monkeypatch.setattr(f"{module}.copy_to", watched)
    assert home.call("run", "otter").code == 0
    account.ratings.clear()
    account.changed()
    assert home.call("run", "otter").code == 0

    assert {
        "resolved/outcomes",
        "resolved/library_entries",
        "loaded/outcomes",
        "before/library_entries",
    } <= written.keys()
    assert not [name for name, kinds in written.items() if any("ENUM" in kind for kind in kinds)]
