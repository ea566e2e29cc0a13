"""The four entry tables as load sees them: keys, values, what kind each value is of, and which date decides about it."""

from __future__ import annotations

from dataclasses import dataclass

from stages.database import Kind

MEDIA: dict[str, Kind] = {
    "media_type": "text",
    "resolution": "text",
    "hdr": "text",
    "audio": "text",
    "audio_channels": "text",
    "is_3d": "flag",
}

# Where both sides have changed a column, Trakt's date of the fact is held against the row's `updated_at`.
# A column that is not here says what a title is, not what the user did, and is always theirs then.
DATED_BY = {
    "status": "status_at",
    "score": "scored_at",
    "scored_at": "scored_at",
    "plays": "last_watched_at",
    "watched_episodes": "last_watched_at",
    "first_watched_at": "last_watched_at",
    "last_watched_at": "last_watched_at",
    "watching_since": "watching_since",
    "watchlisted_at": "watchlisted_at",
    "collected_at": "collected_at",
    **dict.fromkeys(MEDIA, "collected_at"),
}
# In a row that no import made, 0 here says no more than null.
COUNTERS = ("plays", "watched_episodes")


@dataclass(frozen=True)
class Table:
    """`key` and `values` are the columns that both sides have; `stamps` are load's own.

    A table of `events` holds what happened: such a row is taken whole from Trakt, never merged.
    """

    name: str
    key: dict[str, Kind]
    values: dict[str, Kind]
    stamps: dict[str, Kind]
    events: bool = False

    @property
    def columns(self) -> dict[str, Kind]:
        """Every column of the database table, in order of key, values, stamps."""
        return self.key | self.values | self.stamps

    @property
    def facts(self) -> list[str]:
        """The columns that say what the user did: score, plays, dates. A deleted row comes back for these alone."""
        return [name for name, kind in self.values.items() if name in ("score", "plays") or kind == "moment"]

    @property
    def compared(self) -> dict[str, Kind]:
        """What the merge reads of a row that is there: a row in which none of it has moved is as it was compared."""
        return self.values | {name: kind for name, kind in self.stamps.items() if name == "updated_at"}


USER_TITLE: dict[str, Kind] = {"user_id": "text", "title_id": "text"}
LIBRARY = Table(
    "library_entries",
    USER_TITLE,
    {
        "kind": "text",
        "trakt_id": "number",
        "status": "text",
        "score": "number",
        "scored_at": "moment",
        "plays": "number",
        "watched_episodes": "number",
        "aired_episodes": "number",
        "first_watched_at": "moment",
        "last_watched_at": "moment",
        "watching_since": "moment",
        "watchlisted_at": "moment",
        "collected_at": "moment",
        **MEDIA,
    },
    {"source": "text", "run_id": "text", "created_at": "moment", "updated_at": "moment"},
)
SEASONS = Table(
    "season_entries",
    USER_TITLE | {"season": "number"},
    {
        "watched_episodes": "number",
        "plays": "number",
        "last_watched_at": "moment",
        "score": "number",
        "scored_at": "moment",
        "watchlisted_at": "moment",
    },
    {"run_id": "text", "updated_at": "moment"},
)
EPISODES = Table(
    "episode_entries",
    USER_TITLE | {"season": "number", "episode": "number"},
    {
        "plays": "number",
        "last_watched_at": "moment",
        "score": "number",
        "scored_at": "moment",
        "watchlisted_at": "moment",
        "collected_at": "moment",
        **MEDIA,
    },
    {"run_id": "text", "updated_at": "moment"},
)
WATCHES = Table(
    "watches",
    {"user_id": "text", "history_id": "number"},
    {"title_id": "text", "season": "number", "episode": "number", "watched_at": "moment", "action": "text"},
    {"run_id": "text"},
    events=True,
)
TABLES = (LIBRARY, SEASONS, EPISODES, WATCHES)
