"""What every dataset and every column means, in words: for the data dictionary and for the files themselves.

A name like `show.ids.trakt` is a field within a column; `seasons[].number` is one within a list. Types stand in the
schemas (`pipeline/lake/datasets.py`); a test holds both against each other, and against the files that runs write.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath


@dataclass(frozen=True)
class Dataset:
    """One kind of file: what a row is (`about`), where the files lie, what they come from, what tells rows apart."""

    about: str
    files: str
    source: str
    key: str
    columns: dict[str, str]


ORIGIN = {
    "page": "Trakt's number of the page that the row came on",
    "position": "the row's place on its page",
    "fetched_at": "when the answer came",
    "raw": "the item's JSON as received",
    "trakt_slug": "the profile, as the last part of its address",
    "run_id": "the run that read the row",
}
MOVIE = {
    "movie.ids.trakt": "the movie's Trakt id",
    "movie.ids.slug": "the last part of the movie's address on Trakt",
    "movie.ids.imdb": "the movie's IMDb id, as in tt0111161",
    "movie.ids.tmdb": "the movie's TMDB id",
    "movie.title": "what Trakt calls the movie",
    "movie.year": "the movie's year of release",
}
SHOW = {
    "show.ids.trakt": "the show's Trakt id",
    "show.ids.slug": "the last part of the show's address on Trakt",
    "show.ids.imdb": "the show's IMDb id",
    "show.ids.tmdb": "the show's TMDB id",
    "show.ids.tvdb": "the show's TVDB id",
    "show.title": "what Trakt calls the show",
    "show.year": "the year the show began",
    "show.aired_episodes": "episodes aired so far, specials left out; only where Trakt gives it",
}
SEASON = {
    "season.number": "the season's number; 0 holds the specials",
    "season.ids.trakt": "the season's Trakt id",
    "season.ids.imdb": "the season's IMDb id",
    "season.ids.tmdb": "the season's TMDB id",
    "season.ids.tvdb": "the season's TVDB id",
}
EPISODE = {
    "episode.season": "the number of the episode's season; 0 holds the specials",
    "episode.number": "the episode's number within its season",
    "episode.title": "what Trakt calls the episode",
    "episode.ids.trakt": "the episode's Trakt id",
    "episode.ids.imdb": "the episode's IMDb id",
    "episode.ids.tmdb": "the episode's TMDB id",
    "episode.ids.tvdb": "the episode's TVDB id",
}
MEDIA = {
    "media_type": "what it is stored on: digital, bluray, dvd, …",
    "resolution": "picture size: uhd_4k, hd_1080p, …",
    "hdr": "high dynamic range: dolby_vision, hdr10, …",
    "audio": "sound format: dolby_atmos, dts, …",
    "audio_channels": "sound channels: 5.1, 7.1, …",
    "is_3d": "whether it is stored in 3D",
}
LISTED_TYPE = {"type": "what the row is about: movie, show, season or episode"}


def _staged(name: str, path: str, about: str, key: str, columns: dict[str, str]) -> Dataset:
    files = f"staged/{name}/user=<slug>/run=<run_id>/page-00001.parquet"
    return Dataset(about, files, f"GET /users/<slug>{path}", key, columns | ORIGIN)


def _inside(prefix: str, columns: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}.{name}": meaning for name, meaning in columns.items()}


def _stats(name: str, words: str, figures: str) -> dict[str, str]:
    meanings = {
        "plays": f"plays of {words}, rewatches too",
        "watched": f"distinct {words} watched",
        "minutes": f"time spent on {words}",
        "collected": f"{words} in the collection; often 0 though it is not empty",
        "ratings": f"ratings of {words}",
        "comments": f"comments on {words}",
    }
    return {f"{name}.{figure}": f"Trakt's own figure: {meanings[figure]}" for figure in figures.split()}


STAGED = {
    "profile": _staged(
        "profile",
        "",
        "The profile, as it answered.",
        "user",
        {
            "username": "the name as its owner writes it",
            "private": "whether the profile is closed to strangers",
            "deleted": "whether the profile was deleted",
            "name": "the name shown to others",
            "vip": "whether the owner is a VIP",
            "ids.slug": "the last part of the profile's address",
            "ids.trakt": "the user's own Trakt id",
        },
    ),
    "stats": _staged(
        "stats",
        "/stats",
        "Trakt's own figures of a user: what came is held against them.",
        "user",
        _stats("movies", "movies", "plays watched minutes collected ratings comments")
        | _stats("shows", "shows", "watched collected ratings comments")
        | _stats("seasons", "seasons", "ratings comments")
        | _stats("episodes", "episodes", "plays watched minutes collected ratings comments")
        | {"ratings.total": "Trakt's own figure: ratings of all kinds"},
    ),
    "watching": _staged(
        "watching",
        "/watching",
        "What is being watched now; no row when nothing is.",
        "user",
        {
            "expires_at": "until when the answer holds",
            "started_at": "when watching began",
            "action": "checkin or scrobble",
            "type": "movie or episode",
        }
        | MOVIE
        | SHOW
        | EPISODE,
    ),
    "watched_movies": _staged(
        "watched_movies",
        "/watched/movies",
        "One row per watched movie.",
        "user, movie",
        {
            "plays": "how often it was watched",
            "last_watched_at": "the last play; until 1970 means unknown",
            "last_updated_at": "when Trakt last changed the row",
        }
        | MOVIE,
    ),
    "watched_shows": _staged(
        "watched_shows",
        "/watched/shows",
        "One row per show with a watched episode.",
        "user, show",
        {
            "plays": "plays of all its episodes together",
            "last_watched_at": "the last play of any episode",
            "last_updated_at": "when Trakt last changed the row",
            "reset_at": "the beginning of the current rewatch; earlier plays count for earlier rounds",
            "seasons[].number": "the season's number; 0 holds the specials",
            "seasons[].episodes[].number": "the episode's number within its season",
            "seasons[].episodes[].plays": "how often the episode was watched",
            "seasons[].episodes[].last_watched_at": "the last play of the episode",
        }
        | SHOW,
    ),
    "history": _staged(
        "history",
        "/history",
        "One row per play, rewatches too; newest first.",
        "id",
        {
            "id": "Trakt's id of the play",
            "watched_at": "when; until 1970 means unknown",
            "action": "how it was told: watch, scrobble or checkin",
            "type": "movie or episode",
        }
        | MOVIE
        | SHOW
        | EPISODE,
    ),
    "watchlist": _staged(
        "watchlist",
        "/watchlist",
        "One row per item of the watchlist.",
        "user, title, season, episode",
        {
            "id": "Trakt's id of the item",
            "rank": "the item's place in the list, as its owner orders it",
            "listed_at": "when it was put on the list",
            "notes": "the owner's note",
        }
        | LISTED_TYPE
        | MOVIE
        | SHOW
        | SEASON
        | EPISODE,
    ),
    "ratings": _staged(
        "ratings",
        "/ratings",
        "One row per rating.",
        "user, title, season, episode",
        {"rating": "the rating", "rated_at": "when it was given"} | LISTED_TYPE | MOVIE | SHOW | SEASON | EPISODE,
    ),
    "collection_movies": _staged(
        "collection_movies",
        "/collection/movies",
        "One row per collected movie.",
        "user, movie",
        {"collected_at": "when it was collected", "updated_at": "when Trakt last changed the row"}
        | _inside("metadata", MEDIA)
        | MOVIE,
    ),
    "collection_shows": _staged(
        "collection_shows",
        "/collection/shows",
        "One row per show with a collected episode.",
        "user, show",
        {
            "last_collected_at": "when an episode was last collected",
            "last_updated_at": "when Trakt last changed the row",
            "seasons[].number": "the season's number; 0 holds the specials",
            "seasons[].episodes[].number": "the episode's number within its season",
            "seasons[].episodes[].collected_at": "when the episode was collected",
        }
        | _inside("seasons[].episodes[].metadata", MEDIA)
        | SHOW,
    ),
    "rejected": Dataset(
        "One row per item, or part of one, that could not be read and was set aside.",
        "staged/rejected/user=<slug>/run=<run_id>/<endpoint>-00001.parquet",
        "every endpoint",
        "endpoint, page, position, path",
        {
            "endpoint": "the endpoint whose answer held it",
            "path": "the part that was set aside; null: the whole item",
            "parent": "the title whose row it is a part of, such as show:trakt:123; null: the whole item",
            "reason": "why",
        }
        | ORIGIN
        | {"raw": "what was set aside, as received"},
    ),
}

RUN = {"trakt_slug": "the profile", "run_id": "the run whose picture the row belongs to"}
USER = {"user_id": "the application's own id of the user"}
TITLE = {"title_id": "the application's own id of the title"}
MARKS = {
    "carried": "the run's picture does not have the row; it stands as the run before had it",
    "gone": "Trakt no longer shows the fact; the row is carried on as it last was",
    "moved": "its Trakt title is another catalogue title now",
    "left_alone": "mode new: the user already had the title, so load leaves the row",
}
OWN = {
    "score": "the rating",
    "scored_at": "when it was rated",
    "watchlisted_at": "when it was put on the watchlist",
    "collected_at": "when it was collected",
} | MEDIA
LIBRARY = (
    USER
    | TITLE
    | {
        "kind": "movie or show",
        "trakt_id": "its Trakt id",
        "status": "active or finished",
        "status_at": "the date of the evidence that gives the status",
        "plays": "how often it was watched; of a show, plays of all episodes",
        "watched_episodes": "distinct episodes watched in the current round, specials left out; null for movies",
        "aired_episodes": "episodes aired so far, specials left out; null for movies, or unknown",
        "first_watched_at": "the first dated play",
        "last_watched_at": "the last dated play",
        "watching_since": "being watched now, since then",
    }
    | OWN
)
SEASONS = (
    USER
    | TITLE
    | {
        "season": "the season's number; 0 holds the specials",
        "watched_episodes": "distinct episodes of it watched in the current round",
        "plays": "plays of its episodes, all rounds",
        "last_watched_at": "the last dated play",
    }
    | {name: OWN[name] for name in ("score", "scored_at", "watchlisted_at")}
)
EPISODES = (
    USER
    | TITLE
    | {
        "season": "the season's number; 0 holds the specials",
        "episode": "the episode's number within its season",
        "plays": "how often it was watched, all rounds",
        "last_watched_at": "the last dated play",
    }
    | OWN
)
WATCHES = (
    USER
    | TITLE
    | {
        "history_id": "Trakt's id of the play",
        "season": "the season's number; null for movies",
        "episode": "the episode's number within its season; null for movies",
        "watched_at": "when; null is unknown",
        "action": "how it was told: watch, scrobble or checkin",
    }
)
STAMPS = {
    "source": "who made the row: trakt is the import",
    "created_at": "when the row was made",
    "updated_at": "when the row last changed",
}
IDS = {
    "kind": "movie or show",
    "name": "what it is called",
    "year": "the year of release",
    "trakt_id": "its Trakt id",
    "imdb_id": "its IMDb id",
    "tmdb_id": "its TMDB id",
    "tvdb_id": "its TVDB id",
}
OUTCOME = {"title": "a number that stands for the Trakt title within its run: joins resolved and loaded outcomes"}


def _resolved(name: str, about: str, key: str, columns: dict[str, str]) -> Dataset:
    files = f"resolved/{name}/batch=<batch_id>/part-0.parquet"
    return Dataset(about, files, "transform, from the picture and the catalogue", key, columns | RUN)


def _before(name: str, key: str, columns: dict[str, str]) -> Dataset:
    fate = {
        "fate": "what the run did: insert (only the key stands here), update or delete",
        "was_run_id": "the run that had written the row before",
        "trakt_slug": "the profile",
        "run_id": "the run that changed the row",
    }
    became = {name: text for name, text in columns.items() if name not in (*key.split(", "), *STAMPS)}
    about = f"Rows of {name} as they were before a run changed them; where all rows of a file are new, it has only their keys."
    return Dataset(
        about, f"before/{name}/batch=<batch_id>/part-0.parquet", "load", key, columns | fate | _inside("became", became)
    )


RESOLVED = {
    "library_entries": _resolved(
        "library_entries",
        "Trakt's side of a user's titles, before any merge.",
        "run_id, user_id, title_id",
        LIBRARY | MARKS,
    ),
    "season_entries": _resolved(
        "season_entries", "Trakt's side of a user's seasons.", "run_id, user_id, title_id, season", SEASONS | MARKS
    ),
    "episode_entries": _resolved(
        "episode_entries",
        "Trakt's side of a user's episodes.",
        "run_id, user_id, title_id, season, episode",
        EPISODES | MARKS,
    ),
    "watches": _resolved("watches", "Every play of a catalogue title.", "run_id, user_id, history_id", WATCHES | MARKS),
    "outcomes": _resolved(
        "outcomes",
        "What became of every Trakt title of a picture.",
        "run_id, user_id, title",
        USER
        | OUTCOME
        | IDS
        | TITLE
        | {
            "title_id": "the catalogue title it is; null: not in the catalogue",
            "matched_by": "the id that told: trakt, imdb, tmdb or tvdb",
            "conflict": "another catalogue title that another of its ids points to",
            "ambiguous": "the catalogue titles that bear the same id",
            "added": "whether --add-missing adds it to the catalogue",
            "evidence": "the strongest evidence of the status: watching, watched, watchlist, collection, rating, part rating",
            "status": "active or finished",
            "reason": "why it is not imported",
            "merged": "the catalogue title, where several Trakt titles are that one",
            "known_before": "whether the user's last import met the title",
            "title_id_before": "the catalogue title that it was at the last import",
            "last_title_id": "the catalogue title that it was when it last was one, where it is none now",
            "plays": "its plays in history",
        },
    ),
    "added_titles": _resolved(
        "added_titles",
        "Titles that --add-missing adds to the catalogue.",
        "run_id, title_id",
        TITLE | IDS | {"aired_episodes": "episodes aired so far, specials left out"},
    ),
}
LOADED = {
    "loaded_outcomes": Dataset(
        "What load did with every Trakt title.",
        "loaded/outcomes/batch=<batch_id>/part-0.parquet",
        "load",
        "run_id, user_id, title",
        USER
        | OUTCOME
        | TITLE
        | RUN
        | {
            "kind": "movie or show",
            "trakt_id": "its Trakt id",
            "name": "what it is called",
            "outcome": "imported, skipped or error",
            "kept": "the columns where the application's own value stayed",
        },
    ),
    "loaded_kept": Dataset(
        "Every value of the application's that stayed although both sides had changed it, and why.",
        "loaded/kept/batch=<batch_id>/part-0.parquet",
        "load",
        "run_id, user_id, table, title_id, season, episode, history_id, column",
        USER
        | TITLE
        | RUN
        | {
            "table": "the table of the row",
            "season": "the season's number; null for a title's row",
            "episode": "the episode's number; null for a title's and a season's row",
            "history_id": "Trakt's id of the play; null for other rows",
            "column": "the column; null: the whole row",
            "ours": "the value that stayed",
            "theirs": "the value on Trakt",
            "ours_at": "when the row last changed here",
            "theirs_at": "Trakt's date of the fact",
            "why": "why the value here stayed",
        },
    ),
    "before_library_entries": _before(
        "library_entries",
        "run_id, user_id, title_id",
        {name: text for name, text in LIBRARY.items() if name != "status_at"} | STAMPS,
    ),
    "before_season_entries": _before(
        "season_entries",
        "run_id, user_id, title_id, season",
        SEASONS | {"updated_at": STAMPS["updated_at"]},
    ),
    "before_episode_entries": _before(
        "episode_entries",
        "run_id, user_id, title_id, season, episode",
        EPISODES | {"updated_at": STAMPS["updated_at"]},
    ),
    "before_watches": _before("watches", "run_id, user_id, history_id", WATCHES),
}
CATALOGUE = {
    "titles": Dataset(
        "The catalogue as runs are resolved against it; the view shows the newest snapshot.",
        "catalog/snapshot=<id>/titles.parquet",
        "the application's titles",
        "title_id",
        TITLE | IDS | {"aired_episodes": "episodes aired so far, specials left out; null: unknown"},
    ),
    "ambiguous_titles": Dataset(
        "Titles of the catalogue with an id that another of their kind bears, too: probably duplicates; the view shows the newest.",
        "catalog/snapshot=<id>/ambiguous_titles.parquet",
        "the application's titles",
        "title_id",
        {"title_id": TITLE["title_id"]},
    ),
}
DATASETS = STAGED | RESOLVED | LOADED | CATALOGUE

# What a value counts or how it is written, by the last part of the column's name.
UNITS = {
    **dict.fromkeys(("plays",), "plays"),
    **dict.fromkeys(("watched_episodes", "aired_episodes"), "episodes"),
    **dict.fromkeys(("score", "rating"), "1 to 10"),
    "minutes": "minutes",
    "page": "from 1",
    "position": "from 0",
    "rank": "from 1",
    "year": "calendar year",
}


def dataset_of(file: str) -> str | None:
    """The dataset that a file belongs to, by its path below `DATA_URL`; None for a file of another kind."""
    room, folder, *_ = *file.split("/"), ""
    name = {"catalog": PurePath(file).stem, "before": f"before_{folder}", "loaded": f"loaded_{folder}"}.get(
        room, folder
    )
    return name if name in DATASETS else None


@cache
def metadata(dataset: str) -> dict[str, str]:
    """What a Parquet file of this dataset says of itself: key-value pairs of its footer."""
    told = DATASETS[dataset]
    columns = json.dumps(told.columns, ensure_ascii=False)
    return {"dataset": dataset, "about": told.about, "source": told.source, "key": told.key, "columns": columns}
