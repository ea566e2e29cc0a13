"""A baseline with the same keys in the same order is held against row by row: all comes out as where rows meet by key."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stages.load.merge_table
from pipeline.events import Extracted, ImportRequested, Transformed
from pipeline.settings import Settings
from pipeline.storage import Storage
from stages.database import TITLES, open_database, prepare
from stages.load import load
from stages.load.tables import TABLES, Table

Rows = dict[str, list[dict[str, Any]]]
USERS, KEYS = 3, 40
TYPES = {"text": pa.string(), "number": pa.int64(), "flag": pa.bool_(), "moment": pa.timestamp("us", "UTC")}
MARKS = ("carried", "gone", "moved", "left_alone")
AT = "2026-06-01T12:00:00Z"
# What happens to the keys between two imports: only of the same may rows be told from their places.
SHAPES = ("same", "one more", "another", "moved", "other run")


def some_value(kind: str, name: str, chance: random.Random) -> Any:
    if kind == "moment":
        return chance.choice((None, *(dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 3, 5))))
    if kind == "text":
        return chance.choice(("movie", "show") if name in ("kind", "title_id") else ("a", "b", None))
    value = chance.choice((0, 1, 2, None))
    return (value or 0) if name in ("plays", "watched_episodes") else bool(value) if kind == "flag" else value


def some_marks(chance: random.Random) -> dict[str, bool]:
    carried = chance.random() < 0.2
    gone = carried and chance.random() < 0.6
    return {"carried": carried, "gone": gone, "moved": False, "left_alone": not carried and chance.random() < 0.1}


def some_row(table: Table, user: int, number: int, chance: random.Random) -> dict[str, Any]:
    key = {"user_id": f"user {user}", "title_id": f"t{number:03}", "history_id": number, "season": 1, "episode": number}
    values = {name: some_value(kind, name, chance) for name, kind in table.values.items()}
    dated = {"status_at": some_value("moment", "", chance)} if "status" in table.values else {}
    return {name: key[name] for name in table.key} | values | dated | some_marks(chance)


def later(row: dict[str, Any], table: Table, chance: random.Random) -> dict[str, Any]:
    """The same row at the next import."""
    changed = [name for name in table.values if chance.random() < chance.choice((0, 0, 0.1))]
    row = row | {name: some_value(table.values[name], name, chance) for name in changed}
    return row | (some_marks(chance) if chance.random() < 0.2 else {})


def pictures(shape: str, chance: random.Random) -> tuple[Rows, Rows]:
    before: Rows = {}
    after: Rows = {}
    for table in TABLES:
        before[table.name] = [some_row(table, user, n, chance) for user in range(USERS) for n in range(KEYS)]
        after[table.name] = [later(row, table, chance) for row in before[table.name]]
        if shape == "one more":
            after[table.name].append(some_row(table, USERS - 1, KEYS, chance))
        if shape == "another":
            after[table.name][-1] = some_row(table, USERS - 1, KEYS, chance)
        if shape == "moved":
            after[table.name][-1] |= dict.fromkeys(MARKS, False) | {"carried": True, "moved": True}
        if shape == "other run":
            before[table.name][-1]["run_id"] = "that of a twin"
    return before, after


class World:
    """A database and a folder, and batches of one run for each user."""

    def __init__(self, folder: Path) -> None:
        self.storage = Storage(folder / "data")
        self.settings = Settings(database_url=f"sqlite:///{folder / 'app.db'}")
        with open_database(self.settings) as database:
            prepare(database)

    def load(self, batch_id: str, rows: Rows) -> Any:
        """What comes of a batch: what is told of it, what lies in files, what the database holds."""
        for table in TABLES:
            kinds = table.key | table.values | ({"status_at": "moment"} if "status" in table.values else {})
            schema = [(name, TYPES[kind]) for name, kind in kinds.items()] + [(name, pa.bool_()) for name in MARKS]
            self._write(table.name, batch_id, rows[table.name], schema)
        titles = [
            {"user_id": f"user {user}", "kind": "movie", "title": n, "name": "x", "title_id": f"t{n:03}"}
            for user in range(USERS)
            for n in range(KEYS)
        ]
        schema = [
            (name, pa.int64() if name in ("title", "trakt_id") else pa.string()) for name in (*titles[0], "trakt_id")
        ]
        self._write("outcomes", batch_id, titles, schema)
        self._write("added_titles", batch_id, [], [(name, TYPES[kind]) for name, kind in TITLES.items()])
        batch = [self._run(user, batch_id) for user in range(USERS)]
        with open_database(self.settings) as database:
            told = load(batch, database=database, storage=self.storage, at=AT)
            tables = [database.execute(f"select * from {table.name} order by 1, 2, 3, 4") for table in TABLES]
        names = [f"before/{table.name}" for table in TABLES] + ["loaded/outcomes", "loaded/kept"]
        files = [self.storage.path(f"{name}/batch={batch_id}/part-0.parquet") for name in names]
        return told, tables, [pq.read_table(file, partitioning=None).to_pylist() for file in files]

    def edit(self, chance: random.Random) -> None:
        """What the application does in between."""
        with open_database(self.settings) as database:
            for table in TABLES:
                keys = ", ".join(table.key)
                for row in database.execute(f"select {keys} from {table.name} order by {keys}"):
                    where = " and ".join(f"{name} = ?" for name in table.key)
                    if chance.random() < 0.1:
                        database.execute(f"delete from {table.name} where {where}", row)
                    elif chance.random() < 0.3 and table.stamps.get("updated_at"):
                        at = chance.choice(("2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z"))
                        sql = f"update {table.name} set score = ?, plays = ?, updated_at = ? where {where}"
                        database.execute(sql, (chance.choice((1, 2, None)), chance.choice((0, 1, 7)), at, *row))

    def _write(self, name: str, batch_id: str, rows: list[dict[str, Any]], schema: list[Any]) -> None:
        file = Path(self.storage.path(f"resolved/{name}/batch={batch_id}/part-0.parquet"))
        file.parent.mkdir(parents=True)
        runs = [{"trakt_slug": "x", "run_id": f"{batch_id} of {row['user_id']}"} for row in rows]
        full = pa.schema([*schema, ("trakt_slug", pa.string()), ("run_id", pa.string())])
        pq.write_table(pa.Table.from_pylist([run | row for row, run in zip(rows, runs, strict=True)], full), file)

    def _run(self, user: int, batch_id: str) -> tuple[ImportRequested, Extracted, Transformed]:
        run_id, name = f"{batch_id} of user {user}", f"user {user}"
        who = {"user_id": name, "trakt_username": name, "trakt_slug": name, "trakt_user_id": user}
        return (
            ImportRequested(run_id=run_id, at=AT, user=name),
            Extracted(run_id=run_id, at=AT, **who, inputs={}, endpoints={}),
            Transformed(run_id=run_id, at=AT, batch_id=batch_id, catalog_snapshot="none", rows={}),
        )


@pytest.mark.parametrize(("seed", "shape"), [*enumerate(SHAPES), (5, "same")])
def test_rows_told_from_their_places_come_out_as_those_found_by_key(tmp_path, monkeypatch, shape, seed):
    before, after = pictures(shape, random.Random(seed))
    placed, by_place = [], stages.load.merge_table.by_place

    def spied(table, differing):
        placed.append(table)
        return by_place(table, differing)

    monkeypatch.setattr(stages.load.merge_table, "by_place", spied)
    results = []
    for way in ("place", "key"):
        world = World(tmp_path / way)
        world.load("batch 1", before)
        world.edit(random.Random(seed))
        if way == "key":
            monkeypatch.setattr(stages.load.merge_table, "differing", lambda *_: None)
        results.append(world.load("batch 2", after))

    assert len(placed) == (len(TABLES) if shape == "same" else 0)
    assert results[0] == results[1]
    told = results[0][0]
    fates = {"updated", "unchanged", "kept", "left_alone", "deleted_here", "inserted"}
    met = {fate for loaded in told for counts in loaded.tables.values() for fate in fates if getattr(counts, fate)}
    assert met == fates


@pytest.mark.parametrize(("known", "shape"), [(True, "moved"), (False, "one more")])
def test_what_most_rows_are_compared_with_first_leaves_the_same_to_be_merged(tmp_path, monkeypatch, known, shape):
    """Where most rows are wanted, those that are there as they should be are found out first, of all that users have."""
    before, after = pictures(shape, random.Random(3))
    results = []
    for most in (-1, 2):
        monkeypatch.setattr(stages.load.merge_table, "MOST", most)
        world = World(tmp_path / str(most))
        world.load("batch 1", before)
        world.edit(random.Random(3))
        if not known:
            with open_database(world.settings) as database:
                database.execute("update trakt_accounts set last_run_id = null")
        results.append(world.load("batch 2", after))

    assert results[0] == results[1]
    counts = [counts for loaded in results[0][0] for counts in loaded.tables.values()]
    assert {fate for fate in ("updated", "unchanged", "kept", "inserted") if sum(getattr(c, fate) for c in counts)} == {
        "updated", "unchanged", "kept", "inserted",
    }  # fmt: skip
