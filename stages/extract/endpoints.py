"""The endpoints: one row each. A new endpoint is a new row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from stages.extract import schema

LARGEST_PAGE = 250

Row = Any  # an instance of one of the endpoint's item types
TitleKey = tuple[str, str, int | str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one list is asked for, what its items are, and what they can be held against.

    `path` follows `/users/<slug>`; `limit` is rows per page, None where the answer is not paged.
    `items`: one type, or one for each value of the item's `type`. `key` tells rows apart.
    `counted` are the figures of `stats` whose sum is the number of rows; `trusted` says that a figure above what
    came means rows are missing, `zero_is_silence` that a figure of 0 says nothing. `newest_first`: what is added comes
    up on the first page. `plays` is how many plays a row stands for, where it stands for any. `dated` is the date by
    which the newest row is known.
    """

    name: str
    path: str
    items: tuple[type, ...]
    key: Callable[[Row], Hashable]
    limit: int | None = LARGEST_PAGE
    params: dict[str, str] = field(default_factory=dict)
    counted: tuple[tuple[str, str], ...] = ()
    trusted: bool = False
    zero_is_silence: bool = False
    newest_first: bool = False
    plays: Callable[[Row], int] | None = None
    dated: Callable[[Row], dt.datetime | None] | None = None


def title_key(row: Row) -> TitleKey:
    """Kind, which id, and the id of the title that a row is about: the first usable one."""
    kind, ids = ("show", row.show.ids) if hasattr(row, "show") else ("movie", row.movie.ids)
    if ids.trakt:
        return (kind, "trakt", ids.trakt)
    for name in ("imdb", "tmdb", "tvdb"):
        if value := getattr(ids, name, None):
            return (kind, name, value)
    raise ValueError("the cleaner lets no title pass without an id")


def title_name(row: Row) -> str:
    """What Trakt calls the title that a row is about; empty where it has no name."""
    title = row.show if hasattr(row, "show") else row.movie
    name: str | None = title.title
    return name or ""


def newest_of(endpoint: Endpoint, rows: Iterable[Row]) -> str | None:
    """The latest date of these rows, as a text that sorts by time."""
    dates = [] if endpoint.dated is None else [date for date in map(endpoint.dated, rows) if date is not None]
    return max(dates).astimezone(dt.UTC).isoformat(timespec="microseconds") if dates else None


def _own_plays(row: Row) -> int:
    plays: int | None = row.plays
    return plays or 0


def _item_key(row: Row) -> Hashable:
    season, episode = getattr(row, "season", None), getattr(row, "episode", None)
    if episode is not None:
        return (*title_key(row), episode.season, episode.number)
    return (*title_key(row), season.number) if season is not None else title_key(row)


def _one(_: Row) -> Hashable:
    return 1


PROFILE = Endpoint("profile", "", (schema.User,), _one, limit=None)
STATS = Endpoint("stats", "/stats", (schema.Stats,), _one, limit=None)
WATCHING = Endpoint(
    "watching",
    "/watching",
    (schema.WatchingMovie, schema.WatchingEpisode),
    _one,
    limit=None,
    dated=attrgetter("expires_at"),
)
# By force at most 100 rows with seasons (observed in public issues of trakt-api, July 2026); season 0 only with
# `specials` (told by Trakt's staff there, May 2026).
WATCHED_SHOWS = Endpoint(
    "watched_shows",
    "/watched/shows",
    (schema.WatchedShow,),
    title_key,
    limit=100,
    params={"extended": "progress", "specials": "true"},
    counted=(("shows", "watched"),),
    trusted=True,
    plays=_own_plays,
    dated=attrgetter("last_watched_at"),
)
WATCHED_MOVIES = Endpoint(
    "watched_movies",
    "/watched/movies",
    (schema.WatchedMovie,),
    title_key,
    counted=(("movies", "watched"),),
    trusted=True,
    plays=_own_plays,
    dated=attrgetter("last_watched_at"),
)
HISTORY = Endpoint(
    "history",
    "/history",
    (schema.MoviePlay, schema.EpisodePlay),
    attrgetter("id"),
    counted=(("movies", "plays"), ("episodes", "plays")),
    newest_first=True,
    plays=lambda play: 1,
    dated=attrgetter("watched_at"),
)
# A typed watchlist announces the count of all types, so the bare path is the one that can be checked.
WATCHLIST = Endpoint(
    "watchlist",
    "/watchlist",
    (schema.ListedMovie, schema.ListedShow, schema.ListedSeason, schema.ListedEpisode),
    _item_key,
    dated=attrgetter("listed_at"),
)
# `collected` of stats is often 0 for collections that are not empty (trakt-api issue 745): a hint, never a count.
COLLECTION_MOVIES = Endpoint(
    "collection_movies",
    "/collection/movies",
    (schema.CollectedMovie,),
    title_key,
    params={"extended": "metadata"},
    counted=(("movies", "collected"),),
    zero_is_silence=True,
)
COLLECTION_SHOWS = Endpoint(
    "collection_shows",
    "/collection/shows",
    (schema.CollectedShow,),
    title_key,
    params={"extended": "metadata"},
    counted=(("shows", "collected"),),
    zero_is_silence=True,
)
RATINGS = Endpoint(
    "ratings",
    "/ratings",
    (schema.RatedMovie, schema.RatedShow, schema.RatedSeason, schema.RatedEpisode),
    _item_key,
    counted=(("ratings", "total"),),
    trusted=True,
    dated=attrgetter("rated_at"),
)

# History first: it is the longest, so its first page should be the first to travel.
LISTS = (HISTORY, WATCHED_SHOWS, WATCHED_MOVIES, RATINGS, WATCHLIST, COLLECTION_MOVIES, COLLECTION_SHOWS)
ENDPOINTS = (PROFILE, STATS, WATCHING, *LISTS)
