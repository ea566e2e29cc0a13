"""Freeze `titles` into `catalog/snapshot=<id>/titles.parquet`, where it has changed since the last time.

Beside it lies what is dear to find out anew for every run: `ambiguous_titles.parquet` and, of a large catalogue, the lookup files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import uuid6

from pipeline.duck import copy_to, open_duckdb, parquet, sql_of
from pipeline.errors import ConfigurationError
from pipeline.lookup import write_lookup
from pipeline.storage import Storage
from stages.database import TITLES, Database

if TYPE_CHECKING:
    import duckdb

# What every snapshot has; one of an older version may have less.
FILES = ("state.json", "titles.parquet", "ambiguous_titles.parquet")


class State(msgspec.Struct, frozen=True):
    """What tells cheaply that `titles` has changed: its count and its newest stamp."""

    count: int
    newest: str | None


# Made once: made in several threads at the same time, a decoder may read from nowhere.
_states = msgspec.json.Decoder(State)


def current_snapshot(database: Database, storage: Storage, *, allow_empty: bool = False) -> str:
    """The id of a snapshot that shows the catalogue as it is; taken now where the newest one is older.

    Raises `ConfigurationError` ("Catalogue is empty") where `titles` has no rows, unless `allow_empty`.
    """
    state = _state(database)
    if state.count == 0 and not allow_empty:
        raise ConfigurationError(
            hint="Fill it with: trakt-import catalog load FILE; or let the import add what it meets: --add-missing",
            text="Catalogue is empty",
        )
    for folder in reversed(storage.names("catalog")):
        snapshot = folder.removeprefix("snapshot=")
        if all(storage.exists(f"catalog/{folder}/{file}") for file in FILES):
            if _states.decode(storage.read(f"catalog/{folder}/state.json")) == state:
                return snapshot
            break
    return take_snapshot(database, storage)


def take_snapshot(database: Database, storage: Storage) -> str:
    """Write a new snapshot of `titles`, in constant memory but for the sort; its id, which sorts by time."""
    snapshot = str(uuid6.uuid7())
    state = _state(database)
    with open_duckdb() as connection, database.read("titles", TITLES) as titles:
        connection.register("titles", titles)
        write_snapshot(connection, storage, snapshot)
    storage.write(f"catalog/snapshot={snapshot}/state.json", msgspec.json.encode(state))
    return snapshot


def write_snapshot(connection: duckdb.DuckDBPyConnection, storage: Storage, snapshot: str) -> None:
    """Write the files of a snapshot from the relation `titles` of a connection."""
    folder = f"catalog/snapshot={snapshot}"
    copy_to(connection, storage, sql_of(__package__, "snapshot"), f"{folder}/titles.parquet")
    titles = parquet(storage, [f"{folder}/titles.parquet"])
    copy_to(
        connection,
        storage,
        sql_of(__package__, "ambiguous_titles").format(titles=titles),
        f"{folder}/ambiguous_titles.parquet",
    )
    write_lookup(connection, storage, folder)


def _state(database: Database) -> State:
    count, newest = database.execute("select count(*), max(updated_at) from titles")[0]
    return State(count=count, newest=None if newest is None else str(newest))
