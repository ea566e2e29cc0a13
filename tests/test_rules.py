"""Every rule at once: what transform writes, held against the oracle, for any small pictures."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stages.transform.stage import KEYS
from tests import oracle
from tests.pictures import AT, TABLES, World, title

settings.register_profile(
    "quick", max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
settings.register_profile("long", max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

NUMBERS = st.sampled_from([1, 2, 3])
# Few ids, so that they meet; and what stands where an id should.
ODD = st.sampled_from([None, 0, "0", "", "x", -1, "2", 1.5, 2**62 + 1, True])
NUMBER_IDS = st.one_of(NUMBERS, NUMBERS, ODD)
IMDB_IDS = st.sampled_from([None, "", "tt00001", "tt00002", " TT00003 ", "tt1234", "tt", 0])
DATES = st.sampled_from(
    [
        None,
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.500Z",
        "1970-01-01T00:00:01.000Z",
        "1969-12-31T23:59:59.000Z",
        "2025-01-01T00:00:00.000Z",
        "2025-01-01T00:00:00.999Z",
        "2025-01-01T01:00:00+01:00",
        "2026-05-01T20:15:00.000Z",
        "2026-06-01T12:00:00.000Z",
        "2031-01-01T00:00:00.000Z",
    ]
)
COUNTS = st.sampled_from([None, 0, 1, 2, 5])
SCORES = st.sampled_from([1, 7, 10, 10, 0, 11, 7.5])
SEASONS = st.sampled_from([0, 1, 1, 2])
EPISODES = st.sampled_from([1, 1, 2])


def ids(kind):
    names = {"trakt": NUMBER_IDS, "imdb": IMDB_IDS, "tmdb": NUMBER_IDS} | (
        {"tvdb": NUMBER_IDS} if kind == "show" else {}
    )
    # Mostly as Trakt is: known by its own id.
    return st.one_of(st.fixed_dictionaries(names), st.fixed_dictionaries({**names, "trakt": NUMBERS}))


NAMES = st.sampled_from([None, "", "Quiet Otter", "安静"])
MOVIE = st.fixed_dictionaries({"title": NAMES, "year": st.sampled_from([None, 1999, 2001]), "ids": ids("movie")})
SHOW = st.fixed_dictionaries(
    {"title": NAMES, "year": st.sampled_from([None, 1999]), "ids": ids("show")},
    optional={"aired_episodes": st.sampled_from([None, 0, 1, 2, 3])},
)
METADATA = st.none() | st.fixed_dictionaries(
    {"media_type": st.sampled_from([None, "bluray", "dvd"]), "3d": st.sampled_from([None, True, False, 1])},
    optional={
        "resolution": st.sampled_from([None, "uhd_4k"]),
        "hdr": st.just("hlg"),
        "audio": st.just("dts"),
        "audio_channels": st.just("5.1"),
    },
)


def of_seasons(**episode):
    inside = st.fixed_dictionaries({"number": EPISODES, **episode})
    return st.lists(st.fixed_dictionaries({"number": SEASONS, "episodes": st.lists(inside, max_size=3)}), max_size=3)


def about(*kinds, **rest):
    """Items of a list that may be about movies, shows or their parts."""
    parts = {
        "movie": {"movie": MOVIE},
        "show": {"show": SHOW},
        "season": {"show": SHOW, "season": st.fixed_dictionaries({"number": st.sampled_from([0, 1, 1, 2, -1])})},
        "episode": {"show": SHOW, "episode": st.fixed_dictionaries({"season": SEASONS, "number": EPISODES})},
    }
    return st.one_of(*(st.fixed_dictionaries({"type": st.just(kind), **parts[kind], **rest}) for kind in kinds))


ITEMS = {
    "watched_movies": st.fixed_dictionaries(
        {"movie": MOVIE, "plays": COUNTS, "last_watched_at": DATES, "last_updated_at": DATES}
    ),
    "watched_shows": st.fixed_dictionaries(
        {
            "show": SHOW,
            "plays": COUNTS,
            "last_watched_at": DATES,
            "last_updated_at": DATES,
            "reset_at": st.one_of(st.none(), DATES),
            "seasons": of_seasons(plays=COUNTS, last_watched_at=DATES),
        }
    ),
    "history": about(
        "movie",
        "episode",
        "episode",
        id=st.one_of(st.integers(1, 8), st.sampled_from([2**53 + 1, 2**63 - 1, 0])),
        watched_at=DATES,
        action=st.sampled_from(["watch", "scrobble", None]),
    ),
    "watchlist": about("movie", "show", "season", "episode", listed_at=DATES),
    "ratings": about("movie", "show", "season", "episode", rated_at=DATES, rating=SCORES),
    "collection_movies": st.fixed_dictionaries(
        {"movie": MOVIE, "collected_at": DATES, "updated_at": DATES, "metadata": METADATA}
    ),
    "collection_shows": st.fixed_dictionaries(
        {
            "show": SHOW,
            "last_collected_at": DATES,
            "last_updated_at": DATES,
            "seasons": of_seasons(collected_at=DATES, metadata=METADATA),
        }
    ),
    "watching": about("movie", "episode", expires_at=DATES, started_at=DATES, action=st.just("checkin")),
}


def reads(endpoint, items):
    """One to three reads, base first, each of one to three answers."""
    if endpoint == "watching":
        return st.lists(st.lists(st.lists(items, max_size=1), min_size=1, max_size=1), min_size=1, max_size=2)
    return st.lists(st.lists(st.lists(items, max_size=4), max_size=3), min_size=1, max_size=3)


PICTURES = st.fixed_dictionaries({}, optional={name: reads(name, items) for name, items in ITEMS.items()})
CATALOGUES = st.lists(
    st.builds(
        dict,
        kind=st.sampled_from(["movie", "show"]),
        trakt_id=st.sampled_from([None, 0, 1, 2, 2**62 + 1]),
        imdb_id=st.sampled_from([None, "", "tt00001", "TT00002 ", "tt00003", "tt12"]),
        tmdb_id=st.sampled_from([None, 0, 1, 2, 3]),
        tvdb_id=st.sampled_from([None, -1, 1, 2]),
        aired_episodes=st.sampled_from([None, 0, 1, 3]),
    ),
    max_size=8,
).map(lambda rows: [title(f"t{10 - number}", **row) for number, row in enumerate(rows)])


# Of a first import: what only a baseline can tell.
ENTRY = {"carried": False, "gone": False, "moved": False, "left_alone": False}
FIRST = {"outcomes": {"known_before": False, "title_id_before": None, "last_title_id": None}}


# A large catalogue is looked at in place where few titles are wanted, any other is read whole.
WAYS = st.sampled_from([{"LARGE": 0, "FEW": 0}, {"LARGE": 0, "FEW": 2}, {}])


@given(CATALOGUES, st.lists(st.tuples(PICTURES, st.booleans()), min_size=2, max_size=5), WAYS)
def test_transform_gives_what_the_rules_say(catalogue, users, way):
    with tempfile.TemporaryDirectory() as folder, patch.multiple("pipeline.lookup", **way) if way else nullcontext():
        world = World(Path(folder), catalogue)
        runs = [
            world.add(f"user-{number}", picture, add_missing=add_missing)
            for number, (picture, add_missing) in enumerate(users)
        ]
        world.transform()
        written = {table: world.rows(table) for table in TABLES}

    for table, key in KEYS.items():
        keys = [tuple(row[name] for name in key.split(", ")) for row in written[table]]
        assert keys == sorted(keys), table
    for number, (run_id, (picture, add_missing)) in enumerate(zip(runs, users, strict=True)):
        expected = oracle.resolved(picture, catalogue, at=AT, add_missing=add_missing)
        marks = {"user_id": f"user user-{number}", "trakt_slug": f"user-{number}", "run_id": run_id}
        for table in TABLES:
            wanted = [row | marks | FIRST.get(table, ENTRY) for row in expected[table]]
            given = [
                {k: v for k, v in row.items() if k != "title"} for row in written[table] if row["run_id"] == run_id
            ]
            assert only_here(given, wanted) == only_here(wanted, given) == [], table
            assert len(given) == len(wanted)


def only_here(rows, others):
    return [row for row in rows if row not in others]
