"""Random lives of many users at once - on Trakt, in the application, in the catalogue - against the model of the merge.

`MODEL_EXAMPLES` says how many lives are tried, of up to `MODEL_STEPS` imports and undos each.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import integers

from pipeline.clock import Clock, stamp
from pipeline.settings import load_settings
from pipeline.storage import Storage
from pipeline.undoing import undo_run
from stages.database import open_database, prepare
from tests.conftest import Home
from tests.databases import SQLiteFile
from tests.model import VALUES, Model, trakt_side
from tests.shown import Library, Play, Shown, Title, imdb_of

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "3"))
STEPS = int(os.environ.get("MODEL_STEPS", "8"))
USERS = 12
TITLES: tuple[Title, ...] = (("movie", 1), ("movie", 2), ("movie", 3), ("show", 1), ("show", 2))
PARTS = ((1, 1), (1, 2), (2, 1), (0, 1))
KEYS = {
    "library_entries": ("title_id",),
    "season_entries": ("title_id", "season"),
    "episode_entries": ("title_id", "season", "episode"),
    "watches": ("history_id",),
}
SEEDS = integers(0, 2**32)


def some_date(chance: random.Random) -> str:
    return f"2026-01-{chance.randint(1, 30):02}T{chance.choice((6, 18)):02}:30:00.000Z"


def live_on_trakt(shown: Shown, chance: random.Random) -> None:
    """One thing that a person does on Trakt, or takes back."""
    title = chance.choice(TITLES)
    episode = chance.choice(PARTS) if title[0] == "show" else ()
    part = chance.choice((episode, episode[:1], ()))
    match chance.choice(
        ("play", "play", "unplay", "rate", "rate", "unrate", "list", "collect", "watch", "aired", "again")
    ):
        case "play":
            number = max(shown.plays, default=0) + 1
            at = some_date(chance) if chance.random() < 0.9 else None
            shown.plays[number] = Play(title, at, episode, chance.choice(("watch", "scrobble")))
        case "unplay" if shown.plays:
            del shown.plays[chance.choice(list(shown.plays))]
        case "rate":
            shown.ratings[title, part] = (chance.randint(1, 10), some_date(chance))
        case "unrate" if shown.ratings:
            del shown.ratings[chance.choice(list(shown.ratings))]
        case "list":
            if shown.listed.pop((title, part), None) is None:
                shown.listed[title, part] = some_date(chance)
        case "collect":
            if shown.collected.pop((title, episode), None) is None:
                shown.collected[title, episode] = (some_date(chance), chance.choice(("bluray", "dvd", None)))
        case "watch":
            until = chance.choice(("2025-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"))
            shown.watching = chance.choice((None, (title, episode, some_date(chance), until)))
        case "aired" if title[0] == "show":
            shown.aired[title] = chance.randint(0, 3)
        case "again" if title[0] == "show":
            shown.resets[title] = some_date(chance)


def edit_here(tables: dict[str, Any], chance: random.Random, now: str) -> None:
    """One thing that the application does to its rows: change, delete, make."""
    table = chance.choice(tuple(VALUES))
    rows = tables[table]
    at = chance.choice((None, now, now, f"2026-01-{chance.randint(1, 30):02}T12:00:00Z"))
    if rows and chance.random() < 0.3:
        del rows[chance.choice(sorted(rows, key=repr))]
    elif rows and chance.random() < 0.8:
        key = chance.choice(sorted(rows, key=repr))
        name = chance.choice([name for name in VALUES[table] if name not in ("kind", "title_id", "action")])
        stamped = {"updated_at": at} if table != "watches" and chance.random() < 0.8 else {}
        rows[key] = rows[key] | {name: some_value(table, name, chance)} | stamped
    elif table == "library_entries":
        key = (f"{chance.choice(('m', 's'))}{chance.randint(1, 3)}",)
        if key not in rows:
            made = dict.fromkeys(VALUES[table]) | {"kind": "movie", "plays": 0, "updated_at": at}
            rows[key] = made | {
                name: some_value(table, name, chance) for name in ("score", "scored_at", "status", "plays")
            }


def some_value(table: str, name: str, chance: random.Random) -> Any:
    if name.endswith("_at") or name == "watching_since":
        return chance.choice((None, some_date(chance).replace(".000", "")))
    if name in ("status", "media_type"):
        return chance.choice(("dropped", "active", None))
    if name == "plays" or (name == "watched_episodes" and table == "season_entries"):
        return chance.randint(0, 3)
    return chance.choice((None, chance.randint(1, 10)))


class Lives(RuleBasedStateMachine):
    """A database with many users, beside a model of each."""

    @initialize()
    def move_in(self) -> None:
        self.folder = TemporaryDirectory()
        self.patch = pytest.MonkeyPatch()
        self.patch.chdir(self.folder.name)
        self.patch.setenv("TRAKT_CLIENT_ID", "client-id-of-the-tests")
        folder = Path(self.folder.name)
        self.home = Home(folder, None, SQLiteFile(folder / "data" / "app.db"))  # type: ignore[arg-type]
        self.shelves = Library(self.home, self.patch)
        self.models = {f"user{number}": Model() for number in range(USERS)}
        self.catalogue: dict[str, tuple[Title | None, Title | None]] = {}
        self.edits = 0
        self.only_looked: set[str] = set()
        with open_database(load_settings()) as database:
            prepare(database)
        for kind, number in TITLES:
            self.catalogue[f"{kind[0]}{number}"] = ((kind, number), (kind, number))
        self._write_catalogue()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.patch.undo()
            self.folder.cleanup()

    @rule(seed=SEEDS)
    def a_day_passes(self, seed: int) -> None:
        """Everybody lives, here and there, and everybody is imported."""
        chance = random.Random(seed)
        asked = []
        for user, model in self.models.items():
            shown = self.shelves.shown(user)
            for _ in range(chance.choice((0, 1, 3, 8))):
                live_on_trakt(shown, chance)
            for _ in range(chance.choice((0, 0, 1, 4))):
                edit_here(model.tables, chance, self._now())
            if chance.random() < 0.9:
                mode = chance.choice(("update", "update", "update", "new", "overwrite"))
                asked.append({"user": user, "mode": mode, "prune": chance.random() < 0.3})
        if not asked:
            return
        self._write_edits()
        runs = self.shelves.run_together(*asked)
        for one, run in zip(asked, runs, strict=True):
            assert run.error is None, (one, run.error)
            side = trakt_side(self.shelves.shown(one["user"]), self._resolve, self._now())
            done = self.models[one["user"]].run(side, run.request.run_id, self._now(), one["mode"], one["prune"])
            assert run.report is not None
            if run.report["titles"]["unchanged_since"]:
                self.only_looked.add(run.request.run_id)
            assert run.report["titles"]["imported"] == len(done.imported), one
            assert _kept(run.report) == done.kept, one
            gone = {
                (table, key) for table, rows in done.resolved.items() for key, carried in rows.items() if carried.gone
            }
            assert len(run.report["gone"]) == len(gone), one

    @rule(seed=SEEDS)
    def the_catalogue_changes(self, seed: int) -> None:
        """Titles are taken out, put in, become one or another."""
        chance = random.Random(seed)
        for _ in range(chance.randint(1, 3)):
            kind = chance.choice(("movie", "show"))
            title_id = f"{kind[0]}{chance.randint(1, 4)}"
            titles = [title for title in TITLES if title[0] == kind]
            ids = (chance.choice((None, *titles)), chance.choice((None, *titles)))
            if self.catalogue.pop(title_id, None) is None or chance.random() < 0.7:
                self.catalogue[title_id] = ids
        if not self.catalogue:
            self.catalogue["m1"] = (TITLES[0], None)
        self._write_catalogue()

    @precondition(lambda self: any(model.runs for model in self.models.values()))
    @rule(seed=SEEDS)
    def some_undo(self, seed: int) -> None:
        """The last run of some users is undone, after some more edits."""
        chance = random.Random(seed)
        for model in self.models.values():
            if chance.random() < 0.4:
                edit_here(model.tables, chance, self._now())
        self._write_edits()
        for model in self.models.values():
            if model.runs and chance.random() < 0.4:
                run_id = model.runs[-1].run_id
                left = model.undo()
                clock = Clock(now=lambda: self.shelves.time)
                event, told = undo_run(run_id, settings=load_settings(), storage=Storage("data"), clock=clock)
                assert {(row["table"], tuple(row[name] for name in KEYS[row["table"]])) for row in told} == left
                assert event.last_run_id == self._base_of(model)

    def _base_of(self, model: Model) -> str | None:
        """The last run that stands; of those that found nothing to do only where there is no other."""
        runs = [done.run_id for done in model.runs]
        return next((run_id for run_id in reversed(runs) if run_id not in self.only_looked), runs[-1] if runs else None)

    @invariant()
    def the_database_is_as_the_models_are(self) -> None:
        if hasattr(self, "models"):
            for table, columns in VALUES.items():
                expected = {
                    (user, *key): tuple(row[name] for name in (*columns, *_stamp(table)))
                    for user, model in self.models.items()
                    for key, row in model.tables[table].items()
                }
                assert self._rows(table) == expected, table

    def _rows(self, table: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        keys = ("user_id", *KEYS[table])
        names = ", ".join((*keys, *VALUES[table], *_stamp(table)))
        return {row[: len(keys)]: row[len(keys) :] for row in self.home.rows(f"select {names} from {table}")}

    def _now(self) -> str:
        return Clock(now=lambda: self.shelves.time).stamp()

    def _resolve(self, title: Title) -> tuple[int, str | None]:
        for rank in (0, 1):
            found = [
                title_id
                for title_id, ids in self.catalogue.items()
                if ids[rank] == title and title_id[0] == title[0][0]
            ]
            if found:
                return rank + 1, min(found)
        return 9, None

    def _write_catalogue(self) -> None:
        self.edits += 1
        at = stamp(Clock(now=lambda: 2_000_000_000 + self.edits).utc())
        self.home.change("delete from titles")
        for title_id, (trakt, imdb) in self.catalogue.items():
            kind = "movie" if title_id[0] == "m" else "show"
            values = (title_id, kind, title_id, trakt and trakt[1], imdb and imdb_of(imdb), at)
            self._insert("titles", ("title_id", "kind", "name", "trakt_id", "imdb_id", "updated_at"), values)

    def _write_edits(self) -> None:
        """Write what the application did to the models into the database, row by row."""
        for table, columns in VALUES.items():
            names = (*columns, *_stamp(table))
            there = self._rows(table)
            keys = ("user_id", *KEYS[table])
            for user, model in self.models.items():
                for key in [key for key in there if key[0] == user and key[1:] not in model.tables[table]]:
                    where = " and ".join(f"{name} = {_sql(value)}" for name, value in zip(keys, key, strict=True))
                    self.home.change(f"delete from {table} where {where}")
                for key, row in model.tables[table].items():
                    values = tuple(row[name] for name in names)
                    if (user, *key) not in there:
                        self._insert(table, (*keys, *names), (user, *key, *values))
                    elif there[(user, *key)] != values:
                        sets = ", ".join(f"{name} = {_sql(row[name])}" for name in names)
                        where = " and ".join(
                            f"{name} = {_sql(value)}" for name, value in zip(keys, (user, *key), strict=True)
                        )
                        self.home.change(f"update {table} set {sets} where {where}")

    def _insert(self, table: str, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self.home.change(f"insert into {table} ({', '.join(names)}) values ({', '.join(map(_sql, values))})")


def _stamp(table: str) -> tuple[str, ...]:
    return () if table == "watches" else ("updated_at",)


def _sql(value: Any) -> str:
    return "null" if value is None else repr(value)


def _kept(report: dict[str, Any]) -> set[tuple[str, tuple[Any, ...], str | None]]:
    return {(row["table"], tuple(row[name] for name in KEYS[row["table"]]), row["column"]) for row in report["kept"]}


def test_the_merge_is_as_the_model_says() -> None:
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
