"""The account of the demonstration: small, yet with something of everything."""

from __future__ import annotations

from datetime import UTC, datetime

from .accounts import Account, make_account, watching_now
from .titles import Title, invented_movie, invented_show

ODD = (
    "imdb_empty",
    "tmdb_zero",
    "year_null",
    "title_invisible",
    "play_1970",
    "collection_nothing",
    "collection_twice",
    "rating_zero",
    "rating_season",
    "unknown_type",
)
"""The oddities of the demonstration."""

UNKNOWN_TITLES: tuple[Title, ...] = (invented_movie(9001), invented_movie(9002), invented_show(9003))
"""Titles of the demonstration that no sample catalogue holds."""


def demo_account(slug: str = "demo", *, now: datetime | None = None) -> Account:
    """About 60 movies, 15 shows and 700 plays, mostly of the sample catalogue, three titles not.

    The rows are the same every time; only the item being watched has dates around `now`.
    """
    account = make_account(
        slug,
        seed=5,
        username=slug.title(),
        movies=60,
        shows=15,
        plays=700,
        ratings=70,
        watchlist=12,
        collection_movies=25,
        collection_shows=4,
        odd=ODD,
        movie_titles=UNKNOWN_TITLES[:2],
        show_titles=UNKNOWN_TITLES[2:],
    )
    account.watching = watching_now(account, now or datetime.now(UTC))
    account.changed()
    return account
