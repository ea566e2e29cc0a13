"""Odd data as it has been seen in replies about real accounts, each oddity under a name of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

from .accounts import Account
from .titles import Row

PUT = Callable[[Account, random.Random], bool]


def _movies(account: Account) -> list[Row]:
    """The movie objects of the history without repetition; all rows that mention a movie share one."""
    return list({id(row["movie"]): row["movie"] for row in account.history if row.get("movie")}.values())


def _shows(account: Account) -> list[Row]:
    return list({id(row["show"]): row["show"] for row in account.history if row.get("show")}.values())


def _everywhere(account: Account, kind: str, trakt: int) -> list[Row]:
    """Every object that stands for this title in any of the lists."""
    lists = (
        account.history,
        account.watched_movies,
        account.watched_shows,
        account.watchlist,
        account.collection_movies,
        account.collection_shows,
        account.ratings,
    )
    rows = (row[kind] for rows in lists for row in rows if row.get(kind))
    return [row for row in {id(row): row for row in rows}.values() if row["ids"]["trakt"] == trakt]


def _change_title(kind: str, place: int, **changes: object) -> PUT:
    """Change a title wherever it stands; names of ids are written with `id_` before them."""

    def put(account: Account, rng: random.Random) -> bool:
        objects = _movies(account) if kind == "movie" else _shows(account)
        if place >= len(objects):
            return False
        for target in _everywhere(account, kind, objects[place]["ids"]["trakt"]):
            for key, value in changes.items():
                if key.startswith("id_"):
                    if key == "id_tmdb" and value == "text":
                        target["ids"]["tmdb"] = str(target["ids"]["tmdb"])
                    else:
                        target["ids"][key[3:]] = value
                elif key == "suffix":
                    target["title"] = f"{target['title']}{value}"
                else:
                    target[key] = value
        return True

    return put


def _collection_nothing(account: Account, rng: random.Random) -> bool:
    nothing = {"title": None, "year": None, "ids": dict.fromkeys(("trakt", "slug", "imdb", "tmdb"))}
    row = {
        "type": "movie",
        "collected_at": "2024-05-06T07:08:09.000Z",
        "updated_at": "2024-05-06T07:08:09.000Z",
    }
    account.collection_movies.insert(len(account.collection_movies) // 2, row | {"movie": nothing, "metadata": None})
    return True


def _collection_twice(account: Account, rng: random.Random) -> bool:
    if not account.collection_movies:
        return False
    first = account.collection_movies[0]
    account.collection_movies.append({**first, "updated_at": "2026-02-03T04:05:06.000Z"})
    return True


def _collection_3d(account: Account, rng: random.Random) -> bool:
    row = next((row for row in account.collection_movies if row.get("metadata")), None)
    if row is None:
        return False
    row["metadata"] = row["metadata"] | {"3d": 1}
    return True


def _date_of_play(value: str | None, place: int) -> PUT:
    """Give the play at `place` (from the end) another date, in the watched movies too."""

    def put(account: Account, rng: random.Random) -> bool:
        folded = {row["movie"]["ids"]["trakt"]: row for row in account.watched_movies}
        single = [
            row for row in account.history if row.get("movie") and folded[row["movie"]["ids"]["trakt"]]["plays"] == 1
        ]
        if place >= len(single):
            return False
        row = single[-1 - place]
        row["watched_at"] = value
        folded[row["movie"]["ids"]["trakt"]]["last_watched_at"] = value
        account.history.sort(key=lambda one: str(one.get("watched_at") or ""), reverse=True)
        account.watched_movies.sort(key=lambda one: str(one.get("last_watched_at") or ""), reverse=True)
        return True

    return put


def _watched_field(field: str, value: object, place: int) -> PUT:
    def put(account: Account, rng: random.Random) -> bool:
        if place >= len(account.watched_movies):
            return False
        account.watched_movies[-1 - place][field] = value
        return True

    return put


def _rating(value: object, place: int) -> PUT:
    def put(account: Account, rng: random.Random) -> bool:
        movies = [row for row in account.ratings if row["type"] == "movie"]
        if place >= len(movies):
            return False
        movies[place]["rating"] = value
        return True

    return put


def _rating_season(account: Account, rng: random.Random) -> bool:
    if any(row["type"] == "season" for row in account.ratings):
        return True
    title = next((title for title in account.titles if title.kind == "show"), None)
    if title is None:
        return False
    row: Row = {"rated_at": "2012-03-04T05:06:07.000Z", "rating": 8, "type": "season"}
    account.ratings.append(row | {"season": title.season(1) | {"aired_episodes": 8}, "show": title.show()})
    return True


def _unknown_type(account: Account, rng: random.Random) -> bool:
    account.watchlist.append(
        {
            "rank": len(account.watchlist) + 1,
            "id": 990_900_001,
            "listed_at": "2026-01-02T03:04:05.000Z",
            "notes": None,
            "type": "person",
            "person": {
                "name": "Ada Lovelace",
                "ids": {"trakt": 4_000_001, "slug": "ada-lovelace", "imdb": None},
            },
        }
    )
    return True


def _play_without_id(account: Account, rng: random.Random) -> bool:
    if len(account.history) < 5:
        return False
    account.history[4] = {key: value for key, value in account.history[4].items() if key != "id"}
    return True


def _episode_number_null(account: Account, rng: random.Random) -> bool:
    for place, row in enumerate(account.history):
        if row.get("episode"):
            account.history[place] = row | {"episode": row["episode"] | {"number": None}}
            return True
    return False


def _episode_bare(account: Account, rng: random.Random) -> bool:
    """An episode whose title and outside ids are unknown, in every one of its plays."""
    episodes = [row["episode"] for row in account.history if row.get("episode")]
    if len(episodes) < 3:
        return False
    episodes[2]["title"] = None
    episodes[2]["ids"] |= {"tvdb": None, "imdb": None}
    return True


def _play_object_null(account: Account, rng: random.Random) -> bool:
    account.history.append(
        {
            "id": 10_999_999_001,
            "watched_at": "2011-01-01T00:00:00.000Z",
            "action": "watch",
            "type": "movie",
            "movie": None,
        }
    )
    return True


ODDITIES: dict[str, PUT] = {
    "imdb_null": _change_title("movie", 0, id_imdb=None),
    "imdb_empty": _change_title("movie", 1, id_imdb=""),
    "imdb_url": _change_title("movie", 2, id_imdb="http://www.imdb.com/title/"),
    "tmdb_zero": _change_title("movie", 3, id_tmdb=0),
    "tmdb_text": _change_title("movie", 4, id_tmdb="text"),
    "year_null": _change_title("movie", 5, year=None),
    "title_invisible": _change_title("movie", 6, suffix="\u200b"),
    "title_cjk": _change_title("movie", 7, title="千と千尋の\u00a0神隠し²"),
    "show_imdb_null": _change_title("show", 0, id_imdb=None),
    "show_tvdb_null": _change_title("show", 1, id_tvdb=None),
    "show_tmdb_zero": _change_title("show", 2, id_tmdb=0),
    "show_year_null": _change_title("show", 3, year=None),
    "episode_bare": _episode_bare,
    "play_1970": _date_of_play("1970-01-01T00:00:00.000Z", 0),
    "play_future": _date_of_play("2031-05-06T07:08:00.000Z", 1),
    "play_unreadable_date": _date_of_play("yesterday", 2),
    "play_without_id": _play_without_id,
    "play_object_null": _play_object_null,
    "episode_number_null": _episode_number_null,
    "plays_null": _watched_field("plays", None, 3),
    "plays_zero": _watched_field("plays", 0, 4),
    "last_watched_null": _watched_field("last_watched_at", None, 5),
    "collection_nothing": _collection_nothing,
    "collection_twice": _collection_twice,
    "collection_3d": _collection_3d,
    "rating_zero": _rating(0, 0),
    "rating_eleven": _rating(11, 1),
    "rating_text": _rating("8", 2),
    "rating_half": _rating(7.5, 3),
    "rating_season": _rating_season,
    "unknown_type": _unknown_type,
}
"""Every oddity by name; each answers whether the account was large enough to take it."""


def add_oddities(account: Account, rng: random.Random, names: Collection[str]) -> None:
    """Put the named oddities in, in a fixed order, and note those that fitted in `account.odd`."""
    unknown = sorted(set(names) - set(ODDITIES))
    if unknown:
        raise ValueError(f"no such oddity: {', '.join(unknown)}")
    for name, put in ODDITIES.items():
        if name in names and put(account, rng):
            account.odd.append(name)
