"""The four entry tables as load sees them: keys, values, and how each column's value is of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "flag", "moment"]

MEDIA: dict[str, Kind] = {
    "media_type": "text",
    "resolution": "text",
    "hdr": "text",
    "audio": "text",
    "audio_channels": "text",
    "is_3d": "flag",
}


@dataclass(frozen=True)
class Table:
    """`key` and `values` are the columns that both sides have; `stamps` are load's own."""

    name: str
    key: dict[str, Kind]
    values: dict[str, Kind]
    stamps: dict[str, Kind]

    @property
    def columns(self) -> dict[str, Kind]:
        """Every column of the database table, in order of key, values, stamps."""
        return self.key | self.values | self.stamps


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
)
TABLES = (LIBRARY, SEASONS, EPISODES, WATCHES)
