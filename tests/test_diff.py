"""`diff` says in words what a run changed for its user."""

from __future__ import annotations

import pytest

from tests.sandbox.accounts import make_account
from tests.shown import Play
from tests.test_merge import EARLY, LATE, MOVIE, OTHER, SHOW, edit, library

__all__ = ["library"]

pytestmark = pytest.mark.one_database


def diff(library, run):
    result = library.home.call("diff", run.request.run_id)
    assert result.code == 0, result.err
    head, *lines = result.out.splitlines()
    assert head.startswith(f"Run {run.request.run_id} of otter, ")
    return head, lines


def test_a_first_import_is_told_title_by_title(library):
    run = library.run()

    assert diff(library, run)[1] == [
        "Movie 1: new, finished, 1 play, rating 8, last watched 2025-06-01 20:00",
        "Show 1: new, active, 2 plays, 2 episodes watched, rating 7, last watched 2025-06-01 20:00",
        "    season 1: new, 2 episodes watched",
        "    1x02: new, rating 9",
        "    new episodes: 1x01",
    ]


def test_changes_say_what_was_and_what_is(library):
    library.run()
    edit(library, "status = 'dropped'")
    shown = library.shown()
    shown.ratings = {(MOVIE, ()): (9, LATE), (SHOW, ()): (7, EARLY), (SHOW, (1, 2)): (10, LATE)}
    shown.plays |= {number: Play(SHOW, LATE, (2, number)) for number in (4, 5, 6, 8)}
    shown.plays[1] = Play(MOVIE, LATE)
    shown.listed[OTHER, ()] = EARLY

    run = library.run()

    assert diff(library, run)[1] == [
        "Movie 1: rating 8 → 9, rated 2025-06-01 20:00 → 2027-06-01 20:00, first watched 2025-06-01 20:00 → 2027-06-01 20:00, "
        "last watched 2025-06-01 20:00 → 2027-06-01 20:00",
        "    play of 2027-06-01 20:00: watched 2025-06-01 20:00 → 2027-06-01 20:00",
        "Movie 2: new, active, on the watchlist since 2025-06-01 20:00",
        "Show 1: plays 2 → 6, episodes watched 2 → 6, last watched 2025-06-01 20:00 → 2027-06-01 20:00",
        "    1x02: rating 9 → 10, rated 2025-06-01 20:00 → 2027-06-01 20:00",
        "    season 2: new, 4 episodes watched",
        "    new episodes: 2x04–2x06, 2x08",
        "    4 plays added, of 2027-06-01 to 2027-06-01",
    ]


def test_what_left_is_told_by_the_name_of_the_catalogue(library):
    library.run()
    del library.shown().plays[1], library.shown().ratings[(MOVIE, ())]

    assert diff(library, library.run(prune=True))[1] == [
        "Movie 1: deleted",
        "    1 play deleted, of 2025-06-01 20:00",
    ]


def test_nothing_is_said_of_a_run_that_changed_nothing(library):
    library.run()

    for run, why in ((library.run(), ""), (library.run(dry_run=True), ", dry")):
        head, lines = diff(library, run)
        assert head.endswith(f"{why}: nothing changed.")
        assert not lines
    assert library.home.call("diff", "nowhere").code == 2


def test_nothing_is_said_of_a_run_that_only_looked(home, served):
    served(make_account("otter", movies=3, shows=1, plays=5))
    home.call("run", "otter")
    home.call("run", "otter")
    looked = home.call("runs", "--json").json[0]["run_id"]

    for end in (": nothing changed.\n", ", undone since: nothing changed.\n"):
        told = home.call("diff", looked)
        assert (told.code, told.out.endswith(end)) == (0, True), (told.out, told.err)
        home.call("undo", looked)


def test_an_undone_run_says_so(library):
    run = library.run()
    library.home.call("undo", run.request.run_id)

    assert diff(library, run)[0].endswith(", undone since:")
