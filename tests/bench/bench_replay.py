"""Replay after the catalogue has moved: 1,000 users of 2,000 items beside one of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.clock import Clock
from pipeline.duck import open_duckdb, quoted
from pipeline.journal import Journal
from pipeline.settings import load_settings
from pipeline.storage import Storage
from stages.catalog import current_snapshot, load_catalogue
from stages.database import Database, open_database, prepare
from stages.load import enlist
from tests.bench.figures import Figure, in_turns
from tests.bench.ground import PROGRAM, watch
from tests.bench.staged import stage_users, titles, unsynced

TITLES, USERS, ITEMS = 100_000, 1_000, 2_000


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """All of them, and one, in turns; each time the catalogue has another title."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TRAKT_CLIENT_ID": "client-id-of-the-bench",
        "DATABASE_URL": f"sqlite:///{folder / 'app.db'}",
        "DATA_URL": str(folder / "data"),
        "LOG_FORMAT": "text",
    }
    settings, storage = load_settings(environment, folder), Storage(folder / "data")
    with open_database(settings) as database:
        prepare(database)
        _fill(database, storage, folder)

    def grow() -> None:
        with open_database(settings) as database:
            database.execute("update titles set updated_at = ? where title_id = 't-0'", (Clock().stamp(),))
            current_snapshot(database, storage)

    def replayed(*who: str) -> float:
        grow()
        return watch([str(PROGRAM), "replay", "-q", *who], environment, folder).seconds

    replayed("--all")  # the first load
    everybody, one = in_turns(min(rounds, 2), lambda: replayed("--all"), lambda: replayed("user-0"))
    yield Figure(
        f"replay of {USERS:,} users, {ITEMS:,} items each",
        everybody,
        floor=one,
        floor_is="a replay of one user",
        ratio_target=20.0,
    )


def _fill(database: Database, storage: Storage, folder: Path) -> None:
    """The catalogue, everybody on record, their pages and what their runs have told."""
    catalogue = folder / "titles.parquet"
    with open_duckdb() as connection:
        connection.execute(f"create view titles as {titles(TITLES)}")
        connection.execute(f"copy titles to {quoted(str(catalogue))} (format parquet)")
        users = stage_users(connection, storage, count=TITLES, users=USERS, items=ITEMS)
    load_catalogue(catalogue, database=database, at=Clock().stamp())
    with unsynced():
        for request, extracted in users:
            enlist(database, slug=request.user, username=request.user, user_id=None, nightly=None)
            for event in (request, extracted):
                Journal(storage, request.run_id).append(event)
