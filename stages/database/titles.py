"""The columns of the catalogue that an import reads, by name; the table itself stands in `schema.sql`."""

from __future__ import annotations

from stages.database.connection import Kind

TITLES: dict[str, Kind] = {
    "title_id": "text",
    "kind": "text",
    "name": "text",
    "year": "number",
    "trakt_id": "number",
    "imdb_id": "text",
    "tmdb_id": "number",
    "tvdb_id": "number",
    "aired_episodes": "number",
}
