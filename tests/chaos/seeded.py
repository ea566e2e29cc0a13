"""What the sandbox was given is looked for in the tables: a witness that has not been through the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from tests.databases import SQLiteFile
from tests.sandbox.accounts import Account

# What it is a fact of (kind, Trakt's id, season, episode), what kind of fact, and its value.
Fact = tuple[str | None, Any, int | None, int | None, str, Any]

PLACES = """
    select user_id, kind, trakt_id, null, null, status is not null, score, watchlisted_at, collected_at from library_entries
    union all
    select p.user_id, kind, trakt_id, season, null, p.plays > 0, p.score, p.watchlisted_at, null
    from season_entries as p join library_entries using (user_id, title_id)
    union all
    select p.user_id, kind, trakt_id, season, episode, p.plays > 0, p.score, p.watchlisted_at, p.collected_at
    from episode_entries as p join library_entries using (user_id, title_id)
"""
PLAYS = """
    select p.user_id, kind, trakt_id, season, episode, history_id
    from watches as p join library_entries using (user_id, title_id)
"""


def missing(accounts: Iterable[Account], folder: Path) -> tuple[int, list[str]]:
    """How many facts of the accounts were looked for, and a line for each that is in no table.

    A row that cannot be read is no loss where it lies among the rejected as it was sent.
    """
    found = set(_found(SQLiteFile(folder / "app.db")))
    looked, lost = 0, []
    for account in accounts:
        files = (folder / "data" / "staged" / "rejected" / f"user={account.slug}").rglob("*.parquet")
        aside = {raw for file in files for raw in pq.ParquetFile(file).read(["raw"]).column("raw").to_pylist()}
        for fact, row in _facts(account):
            looked += 1
            if (account.slug, *fact) not in found and msgspec.json.encode(row).decode() not in aside:
                lost.append(f"{account.slug}: {fact} is nowhere: {row}")
    return looked, lost


def _found(database: SQLiteFile) -> Iterator[tuple[str, *Fact]]:
    for *place, watched, score, listed, collected in database.execute(PLACES):
        facts = {"watched": watched, "rated": score, "listed": listed, "collected": collected}
        yield from ((*place, what, value if what == "rated" else None) for what, value in facts.items() if value)
    for *place, history_id in database.execute(PLAYS):
        yield (*place, "play", history_id)


def _facts(account: Account) -> Iterator[tuple[Fact, Any]]:
    for row in account.history:
        yield (*_place(row), "play", row.get("id")), row
    for row in account.ratings:
        rating = row["rating"]
        yield (*_place(row), "rated", int(rating) if str(rating).isdigit() else rating), row
    for what, rows in {
        "watched": [*account.watched_movies, *account.watched_shows],
        "listed": account.watchlist,
        "collected": [*account.collection_movies, *account.collection_shows],
    }.items():
        for row in rows:
            kind, trakt, season, episode = _place(row)
            yield (kind, trakt, season, episode, what, None), row
            for part in row.get("seasons", ()):
                yield from (((kind, trakt, part["number"], one["number"], what, None), row) for one in part["episodes"])


def _place(row: Any) -> tuple[str | None, Any, int | None, int | None]:
    kind = next((kind for kind in ("movie", "show") if row.get(kind)), None)
    season, episode = row.get("season") or {}, row.get("episode") or {}
    number = season.get("number", episode.get("season"))
    return kind, row[kind]["ids"]["trakt"] if kind else None, number, episode.get("number")
