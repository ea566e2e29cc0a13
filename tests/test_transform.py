"""The rules of transform by example: the picture as Trakt shows it, and the rows that come of it."""

from __future__ import annotations

import pytest

from tests.pictures import World, movie, seasons, show, title, transformed

EPOCH = "1970-01-01T00:00:00.000Z"
MAY = "2026-05-01T20:15:00.000Z"
JUNE = "2026-05-31T20:15:00.000Z"
FUTURE = "2031-01-01T00:00:00.000Z"


def at(value):
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def only(rows, **wanted):
    """The one row with these values."""
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1, rows
    return found[0]


def values(row, names):
    return tuple(at(row[name]) if name.endswith(("_at", "_since")) else row[name] for name in names.split())


def play(number, watched_at=MAY, episode=None, **item):
    part = {} if episode is None else {"episode": {"season": episode[0], "number": episode[1]}}
    kind = "movie" if episode is None else "episode"
    return {"id": number, "watched_at": watched_at, "action": "watch", "type": kind, **part, **item}


def listed(kind, item, listed_at=MAY, **part):
    return {"type": kind, "listed_at": listed_at, **item, **part}


def rated(kind, item, rating=8, rated_at=MAY, **part):
    return {"type": kind, "rating": rating, "rated_at": rated_at, **item, **part}


def watched_show(item, episodes=None, **row):
    return {**item, **seasons(episodes or {}), **row}


CATALOGUE = [
    title("film", trakt_id=1, imdb_id="tt00001"),
    title("series", "show", trakt_id=1, aired_episodes=3),
]
FILM, SERIES = movie(1), show(1)
ONE = {(1, 1): {"plays": 1, "last_watched_at": MAY}}
NOW = {"expires_at": FUTURE, "started_at": MAY, "action": "checkin"}
S1 = {"season": {"number": 1}}
S1E1 = {"episode": {"season": 1, "number": 1}}

STATUSES = [
    ("a movie being watched", {"watching": [{"type": "movie", **FILM, **NOW}]}, "active", MAY),
    ("an episode being watched counts for its show", {"watching": [{"type": "episode", **SERIES, **S1E1, **NOW}]}, "active", MAY),
    ("being watched outweighs all", {"watching": [{"type": "movie", **FILM, **NOW}], "history": [play(1, **FILM)]}, "active", MAY),
    ("a movie in watched_movies", {"watched_movies": [{**FILM, "plays": 1, "last_watched_at": MAY}]}, "finished", MAY),
    ("a movie in history alone", {"history": [play(1, MAY, **FILM)]}, "finished", MAY),
    ("a movie watched at an unknown date", {"history": [play(1, EPOCH, **FILM)]}, "finished", None),
    ("a show in progress", {"watched_shows": [watched_show(show(1, aired=2), ONE, last_watched_at=MAY)]}, "active", MAY),
    ("a show watched to its end", {"watched_shows": [watched_show(show(1, aired=1), ONE)]}, "finished", None),
    ("aired 0 is no answer: the catalogue knows", {"watched_shows": [watched_show(show(1, aired=0), ONE)]}, "active", None),
    ("watched outweighs the watchlist", {"watchlist": [listed("movie", FILM, JUNE)], "history": [play(1, **FILM)]}, "finished", MAY),
    ("a movie on the watchlist", {"watchlist": [listed("movie", FILM)]}, "active", MAY),
    ("a season on the watchlist counts for its show", {"watchlist": [listed("season", SERIES, **S1)]}, "active", MAY),
    ("the watchlist outweighs the collection", {"watchlist": [listed("movie", FILM)], "collection_movies": [FILM]}, "active", MAY),
    ("a movie in the collection", {"collection_movies": [{**FILM, "collected_at": MAY}]}, "finished", MAY),
    ("a show in the collection", {"collection_shows": [{**SERIES, "last_collected_at": MAY, "seasons": []}]}, "finished", MAY),
    ("rated as a title", {"ratings": [rated("show", SERIES), rated("season", SERIES, 3, JUNE, **S1)]}, "finished", MAY),
    ("only a season is rated", {"ratings": [rated("season", SERIES, **S1)]}, "active", MAY),
    ("only an episode is rated", {"ratings": [rated("episode", SERIES, **S1E1)]}, "active", MAY),
]  # fmt: skip


@pytest.mark.parametrize(("picture", "status", "status_at"), [pytest.param(*case, id=name) for name, *case in STATUSES])
def test_the_strongest_evidence_gives_the_status(tmp_path, picture, status, status_at):
    (entry,) = transformed(tmp_path, picture, CATALOGUE)["library_entries"]

    assert values(entry, "status status_at") == (status, status_at)


RESOLUTIONS = [
    ("Trakt id first", movie(1, imdb="tt00002"), "a", "trakt", "imdb b", None),
    ("then IMDb", movie(9, imdb=" TT00002 ", tmdb=3), "b", "imdb", "tmdb c", None),
    ("then TMDB", movie(9, tmdb="3"), "c", "tmdb", None, None),
    ("not a show's TVDB on a movie", movie(9, tvdb=4), None, None, None, None),
    ("TVDB of a show", show(9, tvdb=4), "d", "tvdb", None, None),
    ("the numbers of another kind mean nothing", show(1), None, None, None, None),
    ("an id that two bear: the first by title_id", movie(9, tmdb=7), "e", "tmdb", None, "e, f"),
    ("an ambiguous id that does not decide", movie(1, tmdb=7), "a", "trakt", "tmdb e", "e, f"),
    ("without a Trakt id", movie(None, imdb="tt00002"), "b", "imdb", None, None),
    ("unusable ids never match", movie(9, imdb="tt12", tmdb=0), None, None, None, None),
    ("Trakt id first, of a show too", show(5, tvdb=4), "h", "trakt", "tvdb d", None),
    ("an id that the catalogue lacks", show(5, imdb="tt00009", tmdb=9, tvdb=9), "h", "trakt", None, None),
    ("ids of nineteen digits", movie(2**62 + 1), "g", "trakt", None, None),
]


@pytest.mark.parametrize(
    ("item", "title_id", "matched_by", "conflict", "ambiguous"),
    [pytest.param(*case, id=name) for name, *case in RESOLUTIONS],
)
def test_ids_are_resolved_within_the_kind_in_their_order(tmp_path, item, title_id, matched_by, conflict, ambiguous):
    catalogue = [
        title("a", trakt_id=1, imdb_id="tt00001"),
        title("b", imdb_id="TT00002"),
        title("c", tmdb_id=3, tvdb_id=4),
        title("d", "show", tvdb_id=4),
        title("f", tmdb_id=7),
        title("e", tmdb_id=7),
        title("g", trakt_id=2**62 + 1, imdb_id="tt12", tmdb_id=0),
        title("h", "show", trakt_id=5),
    ]
    (outcome,) = transformed(tmp_path, {"watchlist": [listed(next(iter(item)), item)]}, catalogue)["outcomes"]

    assert values(outcome, "title_id matched_by conflict ambiguous") == (title_id, matched_by, conflict, ambiguous)


@pytest.mark.parametrize(
    "item", [show(1), show(1, tmdb=9), show(9, imdb="tt00001"), show(9, tmdb=2), show(9, tvdb=3), show(9, tmdb=7)]
)
def test_the_catalogue_says_how_many_episodes_were_aired_where_trakt_does_not(tmp_path, item):
    catalogue = [
        title("a", "show", trakt_id=1, imdb_id="tt00001", tmdb_id=2, tvdb_id=3, aired_episodes=4),
        title("b", "show", tmdb_id=7, aired_episodes=4),
        title("c", "show", tmdb_id=7, aired_episodes=5),
    ]

    (entry,) = transformed(tmp_path, {"watched_shows": [watched_show(item, ONE)]}, catalogue)["library_entries"]

    assert values(entry, "status aired_episodes") == ("active", 4)


def test_an_id_that_one_copy_of_a_title_lacks_is_taken_from_another(tmp_path):
    picture = {"history": [play(1, **movie(9))], "ratings": [rated("movie", movie(9, imdb="tt00001"))]}

    (outcome,) = transformed(tmp_path, picture, CATALOGUE)["outcomes"]

    assert values(outcome, "title_id trakt_id imdb_id") == ("film", 9, "tt00001")


@pytest.mark.parametrize("name", [None, ""])
def test_a_title_without_a_name_is_not_added_to_the_catalogue(tmp_path, name):
    picture = {"watchlist": [listed("movie", movie(8, name)), listed("movie", movie(9, "Named"))]}

    outcomes = transformed(tmp_path, picture, [], add_missing=True)["outcomes"]

    assert {row["trakt_id"]: row["title_id"] for row in outcomes} == {8: None, 9: "trakt-movie-9"}


def test_plays_and_dates_are_those_of_history_specials_and_earlier_rounds_too(tmp_path):
    picture = {
        "watched_shows": [
            watched_show(
                show(1, aired=9),
                {
                    (0, 1): {"plays": 2},
                    (1, 1): {"plays": 3, "last_watched_at": EPOCH},
                    (1, 2): {"last_watched_at": JUNE},
                },
                plays=7,
                last_watched_at=JUNE,
            )
        ],
        "history": [
            play(1, "2020-01-01T10:00:00.999Z", (0, 1), **SERIES),
            play(2, MAY, (1, 2), **SERIES),
            play(3, EPOCH, (1, 2), **SERIES),
            play(4, FUTURE, (2, 1), **SERIES),
        ],
    }

    tables = transformed(tmp_path, picture, CATALOGUE)
    (entry,) = tables["library_entries"]

    assert values(entry, "plays watched_episodes first_watched_at last_watched_at") == (
        7,
        3,
        "2020-01-01T10:00:00.000Z",
        FUTURE,
    )
    assert [values(row, "season watched_episodes plays last_watched_at") for row in tables["season_entries"]] == [
        (0, 1, 2, "2020-01-01T10:00:00.000Z"),
        (1, 2, 5, MAY),
        (2, 1, 1, FUTURE),
    ]
    assert [values(row, "season episode plays last_watched_at") for row in tables["episode_entries"]] == [
        (0, 1, 2, "2020-01-01T10:00:00.000Z"),
        (1, 1, 3, None),
        (1, 2, 2, MAY),
        (2, 1, 1, FUTURE),
    ]
    assert [values(row, "history_id season episode watched_at") for row in tables["watches"]] == [
        (1, 0, 1, "2020-01-01T10:00:00.000Z"),
        (2, 1, 2, MAY),
        (3, 1, 2, None),
        (4, 2, 1, FUTURE),
    ]


PLAYS = [
    ("Trakt's own figure", {"plays": 5, "last_watched_at": MAY}, [play(1, **FILM)], 5),
    ("a figure of 0 is a figure", {"plays": 0}, [play(1, **FILM)], 0),
    ("no figure: history's", {"plays": None}, [play(1, **FILM), play(2, EPOCH, **FILM)], 2),
    ("neither", {"plays": None}, [], 0),
]


@pytest.mark.parametrize(("row", "history", "plays"), [pytest.param(*case, id=name) for name, *case in PLAYS])
def test_plays_are_trakts_own_figure_else_historys(tmp_path, row, history, plays):
    picture = {"watched_movies": [{**FILM, **row}], "history": history}

    (entry,) = transformed(tmp_path, picture, CATALOGUE)["library_entries"]

    assert values(entry, "plays watched_episodes aired_episodes") == (plays, None, None)


def test_after_a_restart_only_what_was_watched_since_counts_and_every_play_stays(tmp_path):
    episodes = {
        (0, 1): {"plays": 1, "last_watched_at": "2026-04-30T00:00:00.000Z"},
        (1, 1): {"plays": 2, "last_watched_at": MAY},
        (1, 2): {"plays": 1, "last_watched_at": "2026-04-30T00:00:00.000Z"},
        (1, 3): {"plays": 1, "last_watched_at": EPOCH},
    }
    row = watched_show(show(1, aired=3), episodes, plays=5, last_watched_at=MAY, reset_at=MAY)

    tables = transformed(tmp_path, {"watched_shows": [row]}, CATALOGUE)

    assert values(tables["library_entries"][0], "status plays watched_episodes") == ("active", 5, 1)
    assert [values(row, "season watched_episodes plays") for row in tables["season_entries"]] == [(0, 0, 1), (1, 1, 4)]
    assert len(tables["episode_entries"]) == 4


def test_a_part_has_a_row_where_it_was_watched_rated_listed_or_collected_itself(tmp_path):
    ratings = [
        rated("season", SERIES, 4, season={"number": 5}),
        rated("episode", SERIES, 6, episode={"season": 6, "number": 1}),
    ]
    lists = [
        listed("season", SERIES, season={"number": 7}),
        listed("episode", SERIES, episode={"season": 8, "number": 1}),
    ]
    collection = [{**SERIES, **seasons({(9, 1): {"collected_at": MAY, "metadata": {"3d": True}}})}]
    picture = {"ratings": ratings, "watchlist": lists, "collection_shows": collection}

    tables = transformed(tmp_path, picture, CATALOGUE)

    assert [values(row, "season score watchlisted_at plays") for row in tables["season_entries"]] == [
        (5, 4, None, 0),
        (7, None, MAY, 0),
    ]
    assert [values(row, "season score watchlisted_at collected_at is_3d") for row in tables["episode_entries"]] == [
        (6, 6, None, None, None),
        (8, None, MAY, None, None),
        (9, None, None, MAY, True),
    ]
    assert values(tables["library_entries"][0], "score watchlisted_at collected_at is_3d") == (None,) * 4


def test_of_an_item_that_comes_twice_the_newest_counts_then_the_later_position(tmp_path):
    world = World(tmp_path, CATALOGUE)
    # The answer to a later request may arrive first.
    pages = [
        [rated("movie", FILM, 3, MAY), rated("show", SERIES, 9, JUNE), rated("show", SERIES, 8, MAY)],
        [rated("movie", FILM, 4, MAY), rated("season", SERIES, 2, None, **S1)],
        [rated("movie", FILM, 5, None), rated("season", SERIES, 7, None, **S1)],
    ]
    run_id = world.add("otter", {"ratings": [pages]}, arrival=[2, 3, 1])
    world.transform()

    assert {row["kind"]: row["score"] for row in world.rows("library_entries", run_id)} == {"movie": 4, "show": 9}
    assert world.rows("season_entries", run_id)[0]["score"] == 7


def test_a_later_read_replaces_what_an_earlier_one_said(tmp_path):
    world = World(tmp_path, CATALOGUE)
    world.add(
        "otter",
        {
            "ratings": [[[rated("movie", FILM, 9, JUNE)]], [[rated("movie", FILM, 2, MAY)]]],
            "history": [[[play(1, JUNE, **SERIES, episode=(1, 1)), play(2, JUNE, **FILM)]], [[play(1, MAY, **FILM)]]],
        },
    )
    world.transform()

    (entry,) = world.rows("library_entries")
    assert values(entry, "title_id score plays first_watched_at last_watched_at") == ("film", 2, 2, MAY, JUNE)


WATCHING = [
    ("while it lasts", [[NOW]], MAY),
    ("until it expires", [[NOW | {"expires_at": "2026-06-01T12:00:00.000Z"}]], None),
    ("not when the last answer has expired", [[NOW], [NOW | {"expires_at": MAY}]], None),
    ("not when nothing is watched now", [[NOW], []], None),
    ("not without an end", [[NOW | {"expires_at": None}]], None),
]


@pytest.mark.parametrize(("answers", "since"), [pytest.param(*case, id=name) for name, *case in WATCHING])
def test_watching_is_the_last_answer_while_it_lies_ahead_of_the_run(tmp_path, answers, since):
    world = World(tmp_path, CATALOGUE)
    told = [[[{"type": "movie", **FILM, **answer} for answer in read]] for read in answers]
    world.add("otter", {"watching": told, "watchlist": [[[listed("movie", FILM)]]]})
    world.transform()

    (entry,) = world.rows("library_entries")
    assert at(entry["watching_since"]) == since


def test_an_episode_that_stands_twice_in_its_shows_row_is_one_the_newest(tmp_path):
    twice = [
        {"number": 1, "plays": 5, "last_watched_at": MAY},
        {"number": 1, "plays": 2, "last_watched_at": JUNE},
        {"number": 2, "plays": 5, "last_watched_at": MAY},
        {"number": 2, "plays": 1, "last_watched_at": MAY},
    ]
    row = {**SERIES, "seasons": [{"number": 1, "episodes": twice[:2]}, {"number": 1, "episodes": twice[2:]}]}

    tables = transformed(tmp_path, {"watched_shows": [row]}, CATALOGUE)

    assert [row["plays"] for row in tables["episode_entries"]] == [2, 1]


def test_two_trakt_titles_that_are_one_catalogue_title_become_one_entry(tmp_path):
    old, new = movie(7, imdb="tt00001"), movie(1)
    picture = {
        "watched_movies": [{**old, "plays": 2, "last_watched_at": MAY}, {**new, "plays": 3, "last_watched_at": JUNE}],
        "history": [play(1, "2020-01-01T00:00:00.000Z", **old), play(2, JUNE, **new)],
        "ratings": [rated("movie", old, 3, JUNE), rated("movie", new, 9, MAY)],
        "collection_movies": [
            {**old, "collected_at": JUNE, "metadata": None},
            {**new, "collected_at": MAY, "metadata": {"media_type": "dvd"}},
        ],
    }

    tables = transformed(tmp_path, picture, CATALOGUE)

    names = "trakt_id plays first_watched_at last_watched_at score scored_at collected_at media_type"
    (entry,) = tables["library_entries"]
    assert values(entry, names) == (1, 5, "2020-01-01T00:00:00.000Z", JUNE, 3, JUNE, JUNE, None)
    assert {row["merged"] for row in tables["outcomes"]} == {"film"}
    assert {row["title_id"] for row in tables["watches"]} == {"film"}


def test_merged_shows_unite_their_episodes_and_are_held_against_the_larger_aired(tmp_path):
    catalogue = [title("series", "show", trakt_id=1, imdb_id="tt00001")]
    picture = {
        "watched_shows": [
            watched_show(show(1, aired=1), ONE),
            watched_show(show(7, aired=2, imdb="tt00001"), ONE | {(1, 2): {"plays": 1}}, reset_at=JUNE),
        ]
    }

    tables = transformed(tmp_path, picture, catalogue)

    assert values(tables["library_entries"][0], "status watched_episodes aired_episodes") == ("active", 1, 2)
    assert [values(row, "episode plays") for row in tables["episode_entries"]] == [(1, 2), (2, 1)]


def test_of_equally_new_facts_of_merged_titles_the_better_matched_one_counts(tmp_path):
    catalogue = [title("film", imdb_id="tt00001", tmdb_id=5)]
    picture = {"ratings": [rated("movie", movie(None, tmdb=5), 2), rated("movie", movie(None, imdb="tt00001"), 9)]}

    (entry,) = transformed(tmp_path, picture, catalogue)["library_entries"]

    assert entry["score"] == 9


def test_users_of_a_batch_share_nothing_but_the_statement(tmp_path):
    world = World(tmp_path, CATALOGUE)
    first = world.add("otter", {"ratings": [[[rated("movie", FILM, 2)]]]})
    second = world.add("stoat", {"ratings": [[[rated("movie", FILM, 9)]]], "history": [[[play(1, **FILM)]]]})
    told = world.transform()

    assert [world.rows("library_entries", run)[0]["score"] for run in (first, second)] == [2, 9]
    assert [event.rows["watches"] for event in told] == [0, 1]


def test_rows_are_in_the_order_of_their_key_whatever_the_order_of_the_runs(tmp_path):
    world = World(tmp_path, CATALOGUE)
    runs = [
        world.add(slug, {"history": [[[play(number, **FILM)]]]})
        for number, slug in enumerate(["zèbre", "Otter", "stoat"], 1)
    ]

    told = world.transform()

    assert [event.run_id for event in told] == runs
    for table in ("library_entries", "watches"):
        users = [row["user_id"] for row in world.rows(table)]
        assert users == ["user Otter", "user stoat", "user zèbre"]


def test_a_staged_file_of_an_older_version_lacks_a_column_and_reads_as_null(tmp_path):
    world = World(tmp_path, CATALOGUE)
    world.add("otter", {"ratings": [[[rated("movie", FILM)]]]})
    world.drop_column("ratings", "rated_at")
    world.transform()

    assert values(world.rows("library_entries")[0], "score scored_at") == (8, None)
