"""The three-way merge: what the application changed stays, what Trakt changed comes, and the newer fact wins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.shown import Library, Play

MOVIE, OTHER, SHOW = ("movie", 1), ("movie", 2), ("show", 1)
EARLY, LATE = "2025-06-01T20:00:00.000Z", "2027-06-01T20:00:00.000Z"
STAMP = "2027-06-01T20:00:00Z"
TABLES = ("library_entries", "season_entries", "episode_entries", "watches")


@pytest.fixture
def library(home, monkeypatch):
    """A movie and a show, both rated, two of ten episodes seen; nothing is imported yet."""
    library = Library(home, monkeypatch)
    library.catalogue((MOVIE, "m1"), (OTHER, "m2"), (SHOW, "s1"))
    shown = library.shown()
    shown.plays = {1: Play(MOVIE, EARLY), 2: Play(SHOW, EARLY, (1, 1)), 3: Play(SHOW, EARLY, (1, 2))}
    shown.ratings = {(MOVIE, ()): (8, EARLY), (SHOW, ()): (7, EARLY), (SHOW, (1, 2)): (9, EARLY)}
    shown.aired = {SHOW: 10}
    return library


def edit(library, what, where="title_id = 'm1'", table="library_entries", at="2026-06-01T00:00:00Z"):
    library.home.change(f"update {table} set {what}, updated_at = '{at}' where {where}")


def counts(run, table="library_entries"):
    found = run.report["tables"][table]
    return {name: number for name, number in found.items() if number and name not in ("resolved", "gone")}


def rows(library, *tables):
    return {table: library.home.rows(f"select * from {table} order by 1, 2, 3, 4") for table in tables or TABLES}


# --- where both sides have the row


# A movie rated 8 in June 2025, then changed here in June 2026 (`ours`), on Trakt (`theirs`), or both.
SOON = "2025-06-02T20:00:00.000Z"
SCORES = [
    # ours, theirs, merged, and whether it is listed as kept
    (8, (8, EARLY), 8, False),  # nobody changed it
    (9, (8, EARLY), 9, False),  # changed here alone
    (8, (3, LATE), 3, False),  # changed there alone
    (8, None, None, False),  # taken back there
    (3, (3, SOON), 3, False),  # both, to the same; only the date is kept
    (9, (3, LATE), 3, False),  # both, there later
    (9, (3, SOON), 9, True),  # both, here later
    (9, None, 9, True),  # what was taken back has no date
    (None, (3, SOON), None, True),  # emptied here
]


def test_every_row_of_the_merge_of_a_score(library):
    movies = {("movie", 10 + number): row for number, row in enumerate(SCORES)}
    library.catalogue(*((movie, f"m{movie[1]}") for movie in movies))
    ratings = library.shown().ratings
    ratings |= {(movie, ()): (8, EARLY) for movie in movies}
    library.shown().plays |= {100 + movie[1]: Play(movie, EARLY) for movie in movies}
    library.run()
    for movie, (ours, theirs, _, _) in movies.items():
        if ours != 8:
            edit(library, f"score = {ours or 'null'}, scored_at = '2026-06-01T00:00:00Z'", f"title_id = 'm{movie[1]}'")
        ratings[(movie, ())] = theirs
    library.shown().ratings = {key: rating for key, rating in ratings.items() if rating}

    run = library.run()

    kept = {row["title_id"]: row for row in run.report["kept"] if row["column"] == "score"}
    for movie, (ours, theirs, merged, listed) in movies.items():
        assert library.entry(f"m{movie[1]}") == (merged,), (ours, theirs)
        assert (f"m{movie[1]}" in kept) == listed, (ours, theirs)
    assert (kept["m16"]["ours"], kept["m16"]["theirs"]) == ("9", "3")
    assert counts(run) == {"kept": 4, "updated": 3, "unchanged": 4}


@pytest.mark.one_database
def test_each_column_is_held_against_the_date_of_its_own_fact(library):
    library.run()
    edit(library, "score = 1, plays = 9, status = 'dropped'", at="2026-03-01T00:00:00Z")
    shown = library.shown()
    shown.ratings[(MOVIE, ())] = (10, "2026-02-01T00:00:00.000Z")
    shown.plays[9] = Play(MOVIE, "2026-04-01T00:00:00.000Z")

    run = library.run()

    assert library.entry("m1", "score, plays, status") == (1, 2, "dropped")
    assert {row["column"] for row in run.report["kept"]} == {"score"}


@pytest.mark.one_database
def test_a_status_goes_by_the_date_of_its_evidence(library):
    shown = library.shown()
    shown.listed[(OTHER, ())] = EARLY
    library.run()
    edit(library, "status = 'planned'", "title_id = 'm2'", at="2026-03-01T00:00:00Z")
    shown.plays[9] = Play(OTHER, "2026-04-01T00:00:00.000Z")

    library.run()

    assert library.entry("m2", "status") == ("finished",)


@pytest.mark.one_database
def test_what_a_title_is_comes_from_trakt_once_trakt_changes_it(library):
    library.run()
    edit(library, "aired_episodes = 99", "title_id = 's1'")
    library.run()
    assert library.entry("s1", "aired_episodes") == (99,)

    library.shown().aired = {SHOW: 11}
    library.run()
    assert library.entry("s1", "aired_episodes") == (11,)


def test_a_play_is_what_trakt_says_it_is(library):
    library.run()
    library.home.change("update watches set watched_at = '2026-01-01T00:00:00Z', action = 'mine' where history_id = 1")
    library.run()
    assert library.home.rows("select watched_at, action from watches where history_id = 1") == [
        ("2026-01-01T00:00:00Z", "mine")
    ]

    library.shown().plays[1] = Play(MOVIE, EARLY, action="checkin")
    run = library.run()

    assert library.home.rows("select watched_at, action from watches where history_id = 1") == [
        ("2025-06-01T20:00:00Z", "checkin")
    ]
    assert run.report["kept"] == []


def test_load_stamps_only_rows_that_nobody_here_has_changed(library):
    library.run()
    edit(library, "status = 'dropped'")
    shown = library.shown()
    shown.ratings = {(MOVIE, ()): (1, LATE), (SHOW, ()): (1, LATE)}
    library.run()

    assert library.entry("m1", "score, updated_at") == (1, "2026-06-01T00:00:00Z")
    assert library.entry("s1", "score, updated_at") == (1, "2026-01-03T00:00:00Z")


# --- where ours has no row any more


@pytest.mark.one_database
def test_a_deleted_row_stays_deleted_while_trakt_brings_nothing_new(library):
    library.run()
    for table in TABLES:
        library.home.change(f"delete from {table}")

    run = library.run()

    assert not any(rows(library).values())
    assert run.report["titles"]["imported"] == 0


@pytest.mark.one_database
def test_a_deleted_row_does_not_come_back_for_a_status_or_an_episode_that_aired(library):
    library.shown().aired = {SHOW: 2}
    library.run()
    assert library.entry("s1", "status") == ("finished",)
    library.home.change("delete from library_entries where title_id = 's1'")
    library.shown().aired = {SHOW: 3}

    run = library.run()

    assert library.entry("s1") is None
    assert counts(run) == {"unchanged": 1, "deleted_here": 1}
    assert run.report["kept"] == []


def test_a_deleted_row_comes_back_whole_for_a_fact(library):
    facts = ("score", "plays", "list", "watching", "score taken back")
    movies = {fact: ("movie", 10 + number) for number, fact in enumerate(facts)}
    library.catalogue(*((movie, f"m{movie[1]}") for movie in movies.values()))
    shown = library.shown()
    shown.ratings |= {(movie, ()): (8, EARLY) for movie in movies.values()}
    shown.plays |= {100 + movie[1]: Play(movie, EARLY) for movie in movies.values()}
    library.run()
    library.home.change("delete from library_entries")
    shown.ratings[(movies["score"], ())] = (3, LATE)
    shown.plays[9] = Play(movies["plays"], LATE)
    shown.listed[(movies["list"], ())] = LATE
    shown.watching = (movies["watching"], (), "2026-01-02T00:00:00.000Z", "2027-01-02T00:00:00.000Z")
    del shown.ratings[(movies["score taken back"], ())]

    run = library.run()

    for fact, movie in movies.items():
        score = {"score": 3, "score taken back": None}.get(fact, 8)
        expected = ("movie", movie[1], "active" if fact == "watching" else "finished", score)
        assert library.entry(f"m{movie[1]}", "kind, trakt_id, status, score") == expected, fact
    assert counts(run) == {"inserted": 5, "unchanged": 2}
    assert run.report["kept"] == []


# --- where there is no baseline


@pytest.mark.parametrize("how", ["first import", "files gone", "no last run"])
def test_without_a_baseline_what_the_application_has_is_completed_and_never_lost(library, how):
    library.shown().collected[(MOVIE, ())] = (EARLY, "bluray")
    if how != "first import":
        library.run()
        library.home.change("delete from library_entries where title_id = 's1'")
    library.home.change("delete from library_entries where title_id = 'm1'")
    library.home.change(
        "insert into library_entries (user_id, title_id, kind, trakt_id, status, score, plays, watchlisted_at, source, updated_at) "
        "values ('otter', 'm1', 'film', 77, 'dropped', 3, 0, '2024-01-01T00:00:00Z', 'app', '2026-01-01T00:00:00Z')"
    )
    if how == "files gone":
        shutil.rmtree("data/resolved")
    if how == "no last run":
        library.home.change("update trakt_accounts set last_run_id = null")

    run = library.run()

    assert library.entry(
        "m1", "kind, trakt_id, status, score, plays, watchlisted_at, media_type, source, updated_at"
    ) == (*("movie", 1, "dropped", 3, 1, "2024-01-01T00:00:00Z", "bluray", "app", "2026-01-01T00:00:00Z"),)
    assert library.entry("s1") == (7,)
    assert {row["column"] for row in run.report["kept"]} == {"score", "status"}


@pytest.mark.one_database
def test_a_newer_fact_wins_without_a_baseline_too(library):
    library.home.change(
        "insert into library_entries (user_id, title_id, kind, score, plays, updated_at) "
        "values ('otter', 'm1', 'movie', 3, 5, '2025-01-01T00:00:00Z')"
    )
    library.run()

    assert library.entry("m1", "score, plays") == (8, 1)


@pytest.mark.one_database  # the file is copied
def test_a_restored_database_names_an_older_baseline(library):
    library.run()
    shutil.copy("data/app.db", "backup.db")
    edit(library, "score = 9")
    library.shown().ratings[(MOVIE, ())] = (5, LATE)
    library.run()
    for extra in Path("data").glob("app.db-*"):
        extra.unlink()
    shutil.copy("backup.db", "data/app.db")

    run = library.run()

    assert library.entry("m1") == (5,)
    assert counts(run) == {"updated": 1, "unchanged": 1}


@pytest.mark.one_database
def test_a_wiped_database_is_filled_again(library):
    library.run()
    before = [row[:-3] for row in rows(library)["library_entries"]]
    for table in (*TABLES, "trakt_accounts", "import_runs"):
        library.home.change(f"delete from {table}")

    run = library.run()

    assert [row[:-3] for row in rows(library)["library_entries"]] == before
    assert run.report["titles"]["imported"] == 2


# --- modes


def test_mode_new_leaves_the_titles_that_are_there_alone(library):
    library.run()
    shown = library.shown()
    shown.ratings[(MOVIE, ())] = (1, LATE)
    del shown.plays[3], shown.ratings[(SHOW, (1, 2))]
    shown.plays[5] = Play(OTHER, LATE)
    before = {table: found for table, found in rows(library).items() if table != "watches"}

    run = library.run(mode="new", prune=True)

    assert {
        table: [row for row in found if row[1] != "m2"] for table, found in rows(library).items() if table in before
    } == before
    assert library.entry("m2", "plays") == (1,)
    assert counts(run) == {"inserted": 1, "left_alone": 2}
    assert counts(run, "episode_entries") == {"left_alone": 2}


@pytest.mark.one_database
def test_what_mode_new_left_alone_is_no_baseline_later(library):
    library.run()
    library.shown().ratings[(MOVIE, ())] = (1, "2026-02-01T00:00:00.000Z")
    library.run(mode="new")

    run = library.run()

    assert library.entry("m1") == (1,)
    assert run.report["balanced"]


def test_overwrite_takes_theirs_and_brings_deleted_rows_back(library):
    library.run()
    expected = rows(library)
    edit(library, "score = 1, scored_at = null, status = 'dropped', plays = 7, media_type = 'vhs'", at=STAMP)
    library.home.change("delete from library_entries where title_id = 's1'")
    library.home.change("delete from watches where history_id = 1")
    library.home.change("delete from episode_entries")

    run = library.run(mode="overwrite")

    stamps = {"library_entries": 4, "season_entries": 2, "episode_entries": 2, "watches": 1}
    for table, found in rows(library).items():
        assert [row[: -stamps[table]] for row in found] == [row[: -stamps[table]] for row in expected[table]]
    assert library.entry("m1", "updated_at") == (STAMP,)
    assert run.report["kept"] == []
    assert counts(run) == {"inserted": 1, "updated": 1}


@pytest.mark.one_database
def test_overwrite_leaves_alone_what_trakt_does_not_have(library):
    library.home.change(
        "insert into library_entries (user_id, title_id, kind, score) "
        "values ('otter', 'm2', 'movie', 4), ('badger', 'm1', 'movie', 5)"
    )
    library.run(mode="overwrite")

    assert library.home.rows(
        "select user_id, score from library_entries where title_id = 'm2' or user_id = 'badger' order by 1"
    ) == [
        ("badger", 5),
        ("otter", 4),
    ]


# --- what has left the picture


def test_a_fact_that_is_gone_stays_until_it_is_pruned_and_is_listed_until_then(library):
    library.run()
    shown = library.shown()
    del shown.plays[1], shown.ratings[(MOVIE, ())]
    for run in (library.run(), library.run()):
        assert {(row["table"], row["title_id"]) for row in run.report["gone"]} == {
            ("library_entries", "m1"),
            ("watches", "m1"),
        }
        assert library.entry("m1") == (8,)

    run = library.run(prune=True)
    after = library.run()

    assert library.entry("m1") is None
    assert counts(run) == {"unchanged": 1, "deleted_here": 1}
    assert run.report["titles"]["imported"] == 0
    assert after.report["gone"] == []


@pytest.mark.one_database
def test_pruning_spares_what_was_changed_here(library):
    library.run()
    edit(library, "status = 'dropped'")
    shown = library.shown()
    del shown.plays[1], shown.ratings[(MOVIE, ())]

    run = library.run(prune=True)

    assert library.entry("m1", "status") == ("dropped",)
    assert library.home.rows("select count(*) from watches where title_id = 'm1'") == [(0,)]
    assert counts(run) == {"unchanged": 1, "kept": 1}
    assert [(row["title_id"], row["column"]) for row in run.report["kept"]] == [("m1", None)]


@pytest.mark.one_database
@pytest.mark.parametrize("prune", [False, True])
def test_what_comes_back_to_trakt_as_it_was_comes_back_here(library, prune):
    library.run()
    shown = library.shown()
    plays, ratings = dict(shown.plays), dict(shown.ratings)
    before = [row[:-4] for row in rows(library)["library_entries"]], rows(library)["watches"]
    shown.plays, shown.ratings = {2: plays[2]}, {}
    library.run(prune=prune)
    if not prune:
        library.home.change("delete from watches where history_id = 1")
    shown.plays, shown.ratings = plays, ratings

    run = library.run()

    assert [row[:-4] for row in rows(library)["library_entries"]] == before[0]
    assert [row[:-1] for row in rows(library)["watches"]] == [row[:-1] for row in before[1]]
    assert run.report["gone"] == []


# --- where the catalogue changes


def test_a_title_that_moves_takes_its_rows_along(library):
    library.run()
    library.catalogue((MOVIE, "new"), (OTHER, "m2"), (SHOW, "s-new"), replace=False)
    library.home.change("delete from titles where title_id in ('m1', 's1')")

    run = library.run()

    for table in TABLES:
        assert library.home.rows(f"select count(*) from {table} where title_id in ('m1', 's1')") == [(0,)], table
    assert library.entry("new", "score, plays") == (8, 1)
    assert library.home.rows("select count(*) from watches where title_id = 's-new'") == [(2,)]
    assert counts(run) == {"inserted": 2, "deleted_here": 2}
    assert library.run().report["titles"]["imported"] == 0


@pytest.mark.one_database
def test_a_row_that_was_changed_here_does_not_move_away(library):
    library.run()
    edit(library, "status = 'dropped'")
    library.catalogue((MOVIE, "new"))
    library.home.change("delete from titles where title_id = 'm1'")

    run = library.run()

    assert library.entry("m1", "status, score") == ("dropped", 8)
    assert library.entry("new", "status, score") == ("finished", 8)
    assert [(row["title_id"], row["column"]) for row in run.report["kept"]] == [("m1", None)]


@pytest.mark.one_database
def test_a_title_that_another_one_stands_on_keeps_its_row(library):
    library.run()
    library.home.change("update titles set trakt_id = 2, updated_at = '2027-01-01T00:00:00Z' where title_id = 'm1'")
    library.home.change("update titles set trakt_id = 1, updated_at = '2027-01-01T00:00:00Z' where title_id = 'm2'")
    library.shown().plays[9] = Play(OTHER, EARLY)

    library.run()

    assert library.entry("m1", "score, plays") == (None, 1)
    assert library.entry("m2", "score, plays") == (8, 1)


@pytest.mark.one_database
def test_a_fact_that_is_gone_is_not_lost_when_its_title_moves(library):
    library.run()
    del library.shown().ratings[(SHOW, (1, 2))], library.shown().plays[3]
    library.run()
    library.catalogue((SHOW, "s-new"))
    library.home.change("delete from titles where title_id = 's1'")

    run = library.run()

    assert library.home.rows("select title_id, episode from episode_entries order by 1, 2") == [("s-new", 1), ("s1", 2)]
    assert ("s1", 2) in {(row["title_id"], row["episode"]) for row in run.report["gone"]}


@pytest.mark.one_database
def test_a_title_that_no_longer_resolves_is_carried_on_unmarked_for_as_long_as_it_takes(library):
    library.run()
    library.home.change("update titles set trakt_id = 99, updated_at = '2027-01-01T00:00:00Z' where title_id = 'm1'")
    for _ in range(3):
        run = library.run(prune=True)
        assert run.report["gone"] == []
        assert library.entry("m1") == (8,)
        assert [row["trakt_id"] for row in run.report["not_in_catalogue"]] == [1]

    library.catalogue((MOVIE, "new"))
    run = library.run()

    assert library.entry("m1") is None
    assert library.entry("new") == (8,)


# --- several users


def test_two_users_of_one_profile_have_each_their_own_baseline(library):
    library.run(user_id="one")
    library.run(user_id="two")
    edit(library, "score = 1", "title_id = 'm1' and user_id = 'one'")
    library.shown().ratings[(MOVIE, ())] = (5, EARLY.replace("06-01", "06-02"))

    library.run(user_id="one")
    library.run(user_id="two")

    assert library.home.rows("select user_id, score from library_entries where title_id = 'm1'") == [
        ("one", 1),
        ("two", 5),
    ]
    assert library.home.rows("select count(distinct last_run_id) from trakt_accounts") == [(2,)]


@pytest.mark.one_database
def test_the_report_says_what_was_kept_and_why(library):
    library.run()
    edit(library, "score = 3")
    library.shown().ratings[(MOVIE, ())] = (7, "2025-12-30T00:00:00.000Z")
    library.run()

    text = library.home.call("report").out

    assert (
        "Movie 1: score stays 3 (2026-06-01T00:00:00Z), Trakt says 7 (2025-12-30T00:00:00Z): the change here is newer"
        in text
    )
    assert (
        json.loads(library.home.call("report", "--format", "json").out)["kept"][0]["why"] == "the change here is newer"
    )
