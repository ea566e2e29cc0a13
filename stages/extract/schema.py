"""What each item of Trakt's answers looks like, declared once.

From these declarations come the Arrow schema of the staged files (`arrow.py`), the strict decoder that checks a
whole page in one call (`staging.py`), and the cleaner of single items (`cleaning.py`). They describe an item in
good order: a field without a default is always there in one; the cleaner decides what is done without it.
Field names are column names, but for `3d`, which SQL cannot write: its column is `is_3d`.
Shapes: Trakt's published API contracts (trakt/trakt-api, projects/api/src/contracts, 2026-08-02).
"""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct, field

LARGEST = 2**63 - 1
# Of a count: the sum of millions of them still fits into 64 bits. What claims more counts nothing.
MOST = 2**40


class Kind(Enum):
    """What a plain value means; how each is read from a disorderly item is told in `cleaning.py`."""

    ID = "an id: a whole number above 0"
    IMDB = "an IMDb id: tt and at least five digits"
    KEY = "the id of the row itself: without it there is no row"
    COUNT = "a whole number from 0"
    WHOLE = "a whole number"
    NUMBER = "a season's or episode's number: without it nobody knows which"
    SCORE = "a rating, 1 to 10: without it there is none"
    INSTANT = "a moment with its offset from UTC"
    TEXT = "text"
    FLAG = "yes or no"


Id = Annotated[int, Meta(gt=0, le=LARGEST), Kind.ID]
ImdbId = Annotated[str, Meta(pattern=r"^tt[0-9]{5,}\Z"), Kind.IMDB]
Key = Annotated[int, Meta(gt=0, le=LARGEST), Kind.KEY]
Count = Annotated[int, Meta(ge=0, le=MOST), Kind.COUNT]
Whole = Annotated[int, Meta(ge=-LARGEST, le=LARGEST), Kind.WHOLE]
Number = Annotated[int, Meta(ge=0, le=LARGEST), Kind.NUMBER]
Score = Annotated[int, Meta(ge=1, le=10), Kind.SCORE]
Instant = Annotated[dt.datetime, Meta(tz=True), Kind.INSTANT]
Text = Annotated[str, Kind.TEXT]
Flag = Annotated[bool, Kind.FLAG]


class TitleIds(Struct, gc=False):
    """The ids of what a row is about: at least one besides the slug must be usable."""

    trakt: Id
    slug: Text | None = None
    imdb: ImdbId | None = None
    tmdb: Id | None = None


class MovieIds(TitleIds, gc=False):
    """A movie's ids."""


class ShowIds(TitleIds, gc=False):
    """A show's ids."""

    tvdb: Id | None = None


class PartIds(Struct, gc=False):
    """A season's or episode's ids; its numbers tell it apart without them."""

    trakt: Id | None = None
    imdb: ImdbId | None = None
    tmdb: Id | None = None
    tvdb: Id | None = None


class Movie(Struct, gc=False):
    """A movie as other rows name it."""

    ids: MovieIds
    title: Text | None = None
    year: Whole | None = None


class Show(Struct, gc=False):
    """A show as other rows name it; `aired_episodes` only where Trakt gives it."""

    ids: ShowIds
    title: Text | None = None
    year: Whole | None = None
    aired_episodes: Count | None = None


class Season(Struct, gc=False):
    """A season as other rows name it."""

    number: Number
    ids: PartIds | None = None


class Episode(Struct, gc=False):
    """An episode as other rows name it."""

    season: Number
    number: Number
    title: Text | None = None
    ids: PartIds | None = None


class WatchedMovie(Struct, gc=False):
    """One row per watched movie."""

    movie: Movie
    plays: Count | None = None
    last_watched_at: Instant | None = None
    last_updated_at: Instant | None = None


class WatchedEpisode(Struct, gc=False):
    """An episode within a watched show."""

    number: Number
    plays: Count | None = None
    last_watched_at: Instant | None = None


class WatchedSeason(Struct, gc=False):
    """A season within a watched show."""

    number: Number
    episodes: list[WatchedEpisode] = []


class WatchedShow(Struct, gc=False):
    """One row per show with a watched episode; `plays` is the sum over its episodes; `reset_at` begins a rewatch."""

    show: Show
    plays: Count | None = None
    last_watched_at: Instant | None = None
    last_updated_at: Instant | None = None
    reset_at: Instant | None = None
    seasons: list[WatchedSeason] = []


class Play(Struct, tag_field="type", gc=False):
    """One play; `watched_at` until 1970-01-01T00:00:00Z means unknown."""

    id: Key
    watched_at: Instant | None = None
    action: Text | None = None


class MoviePlay(Play, tag="movie", kw_only=True, gc=False):
    """A play of a movie."""

    movie: Movie


class EpisodePlay(Play, tag="episode", kw_only=True, gc=False):
    """A play of an episode."""

    show: Show
    episode: Episode


class Listed(Struct, tag_field="type", gc=False):
    """One item of the watchlist."""

    id: Id | None = None
    rank: Whole | None = None
    listed_at: Instant | None = None
    notes: Text | None = None


class ListedMovie(Listed, tag="movie", kw_only=True, gc=False):
    """A movie to watch."""

    movie: Movie


class ListedShow(Listed, tag="show", kw_only=True, gc=False):
    """A show to watch."""

    show: Show


class ListedSeason(Listed, tag="season", kw_only=True, gc=False):
    """A season to watch."""

    show: Show
    season: Season


class ListedEpisode(Listed, tag="episode", kw_only=True, gc=False):
    """An episode to watch."""

    show: Show
    episode: Episode


class Rated(Struct, tag_field="type", gc=False):
    """One rating."""

    rating: Score
    rated_at: Instant | None = None


class RatedMovie(Rated, tag="movie", kw_only=True, gc=False):
    """A movie's rating."""

    movie: Movie


class RatedShow(Rated, tag="show", kw_only=True, gc=False):
    """A show's rating."""

    show: Show


class RatedSeason(Rated, tag="season", kw_only=True, gc=False):
    """A season's rating."""

    show: Show
    season: Season


class RatedEpisode(Rated, tag="episode", kw_only=True, gc=False):
    """An episode's rating."""

    show: Show
    episode: Episode


class Media(Struct, gc=False):
    """What a collected item is stored on."""

    media_type: Text | None = None
    resolution: Text | None = None
    hdr: Text | None = None
    audio: Text | None = None
    audio_channels: Text | None = None
    is_3d: Flag | None = field(default=None, name="3d")


class CollectedMovie(Struct, gc=False):
    """One row per collected movie."""

    movie: Movie
    collected_at: Instant | None = None
    updated_at: Instant | None = None
    metadata: Media | None = None


class CollectedEpisode(Struct, gc=False):
    """An episode within a collected show."""

    number: Number
    collected_at: Instant | None = None
    metadata: Media | None = None


class CollectedSeason(Struct, gc=False):
    """A season within a collected show."""

    number: Number
    episodes: list[CollectedEpisode] = []


class CollectedShow(Struct, gc=False):
    """One row per collected show."""

    show: Show
    last_collected_at: Instant | None = None
    last_updated_at: Instant | None = None
    seasons: list[CollectedSeason] = []


class Watching(Struct, tag_field="type", gc=False):
    """What is being watched now, until `expires_at`."""

    expires_at: Instant | None = None
    started_at: Instant | None = None
    action: Text | None = None


class WatchingMovie(Watching, tag="movie", kw_only=True, gc=False):
    """A movie being watched."""

    movie: Movie


class WatchingEpisode(Watching, tag="episode", kw_only=True, gc=False):
    """An episode being watched."""

    show: Show
    episode: Episode


class UserIds(Struct, gc=False):
    """A user's ids."""

    slug: Text | None = None
    trakt: Id | None = None


class User(Struct, gc=False):
    """The profile."""

    username: Text | None = None
    private: Flag | None = None
    deleted: Flag | None = None
    name: Text | None = None
    vip: Flag | None = None
    ids: UserIds | None = None


class MovieStats(Struct, gc=False):
    """Trakt's figures of movies."""

    plays: Count | None = None
    watched: Count | None = None
    minutes: Count | None = None
    collected: Count | None = None
    ratings: Count | None = None
    comments: Count | None = None


class ShowStats(Struct, gc=False):
    """Trakt's figures of shows."""

    watched: Count | None = None
    collected: Count | None = None
    ratings: Count | None = None
    comments: Count | None = None


class SeasonStats(Struct, gc=False):
    """Trakt's figures of seasons."""

    ratings: Count | None = None
    comments: Count | None = None


class EpisodeStats(MovieStats, gc=False):
    """The same figures as for movies."""


class RatingStats(Struct, gc=False):
    """Trakt's figures of ratings."""

    total: Count | None = None


class Stats(Struct, gc=False):
    """Trakt's own figures, to hold the lists against; any may be missing."""

    movies: MovieStats | None = None
    shows: ShowStats | None = None
    seasons: SeasonStats | None = None
    episodes: EpisodeStats | None = None
    ratings: RatingStats | None = None
