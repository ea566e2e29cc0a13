"""The scenes of the crash harness: what an import starts from, whom it asks, and how it ends undisturbed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.cli import run_cli
from tests.chaos.forks import Ended, Server, in_child
from tests.chaos.points import Points, wrapped
from tests.databases import Schema, SQLiteFile, execute
from tests.databases import Server as PostgreSQL
from tests.sandbox.accounts import Account, catalogue_rows, make_account
from tests.sandbox.titles import CATALOGUE_COLUMNS

TABLES = ("library_entries", "season_entries", "episode_entries", "watches")
STAMPS = {"run_id", "created_at", "updated_at"}
SIZES: dict[str, Any] = {
    "movies": 9,
    "shows": 3,
    "plays": 60,
    "ratings": 8,
    "watchlist": 5,
    "odd": ["play_1970", "rating_zero"],
}


def account(changed: bool = False) -> Account:
    """The account of the harness; `changed` is the same some days later: plays came and went, ratings moved."""
    made = make_account("otter", **SIZES)
    if changed:
        movie, show = (next(title for title in made.titles if title.kind == kind) for kind in ("movie", "show"))
        made.remove_play(3)
        made.add_play(movie, "2026-10-02T20:00:00.000Z")
        made.add_play(show, "2026-10-03T20:00:00.000Z", episode=4)
        made.ratings[0]["rating"] = made.ratings[0]["rating"] % 10 + 1
        made.ratings[0]["rated_at"] = "2026-10-04T20:00:00.000Z"
        made.watchlist.pop()
        made.changed()
    return made


@dataclass
class Scene:
    """An import to disturb. `start` is the folder that it starts from, or, as a name, the database on `server`.

    `work` is where a copy of both is put for each trial: workers have one each. `points` are the names of all points
    that it passes undisturbed, `expected` is what is there then.
    """

    name: str
    start: Path
    url: str
    server: PostgreSQL | None = None
    work: Path = Path()
    points: list[str] = field(default_factory=list)
    expected: dict[str, Any] = field(default_factory=dict)

    def of_worker(self, number: int) -> Scene:
        """The same scene in a place of its own."""
        return replace(self, work=self.start.with_name(f"work{number}"))

    @property
    def database(self) -> SQLiteFile | Schema:
        """The database of the copy."""
        if self.server is None:
            return SQLiteFile(self.work / "app.db")
        return Schema(_database(self.server, self.work.name), "public")

    @contextmanager
    def home(self) -> Iterator[Path]:
        """A fresh copy of the start, and the environment that names it."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.start, self.work)
        if self.server is not None:
            copy_database(self.server, self.start.name, self.work.name)
        os.environ.update(environment(self.work, self.url, self.database.url))
        yield self.work

    def keep_as(self, start: Path) -> None:
        """Let another scene start from what the copy is now."""
        shutil.copytree(self.work, start, dirs_exist_ok=True)
        if self.server is not None:
            copy_database(self.server, self.work.name, start.name)

    def call(self, *arguments: str, points: Points | None = None) -> Ended:
        """Run the program in a child process, `points` at its doors."""

        def work() -> tuple[int, Any]:
            passed = points or Points()
            return run_in(self.work, passed, *arguments), passed.seen

        return in_child(work, self.work / "told.json")

    def contents(self) -> dict[str, Any]:
        """What must not differ: the rows of all tables without their stamps, and the counts of the runs."""
        found: dict[str, Any] = rows_of(self.database)
        found["runs"] = self.database.execute(
            "select imported_count, skipped_count, error_count, status from import_runs order by run_id"
        )
        return found

    def cut(self) -> None:
        """End every session with the copy's database, as a server that is restarted does."""
        assert self.server is not None
        cut_sessions(self.server, self.work.name)


def run_in(folder: Path, points: Points, *arguments: str) -> int:
    """Run the program in this process; its budget of requests is not that of programs in other folders."""
    tempfile.tempdir = str(folder)
    with wrapped(points):
        return run_cli(list(arguments))


def environment(folder: Path, url: str, database_url: str = "") -> dict[str, str]:
    """The settings of a home."""
    return {
        "TRAKT_API_URL": url,
        "TRAKT_CLIENT_ID": "chaos",
        "TRAKT_PATIENCE": "5",
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'app.db'}",
        "DATA_URL": str(folder / "data"),
        "LOG_FORMAT": "text",
    }


def rows_of(database: SQLiteFile | Schema) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the tables of entries, without their stamps, in one order."""
    found = {}
    for table in TABLES:
        names = [name for name in database.columns(table) if name not in STAMPS]
        found[table] = sorted(database.execute(f"select {', '.join(names)} from {table}"), key=repr)
    return found


def last_report(folder: Path) -> dict[str, Any]:
    """The newest report of a home."""
    told: dict[str, Any] = json.loads(sorted((folder / "data" / "reports").glob("*.json"))[-1].read_text())
    return told


@contextmanager
def scenes(root: Path, server: PostgreSQL | None = None) -> Iterator[list[Scene]]:
    """A first import, and one that brings changes to a library that is there; two sandboxes serve them meanwhile."""
    first, later = Server(lambda: [account()]), Server(lambda: [account(changed=True)])
    try:
        empty = Scene("a first import", root / "empty", first.url, server).of_worker(0)
        known = Scene("an import that brings changes", root / "known", later.url, server).of_worker(0)
        empty.start.mkdir(parents=True)
        if server is not None:
            execute(server.url, "create database empty")
        write_catalogue(empty.start / "catalogue.csv", [account(changed=True)], missing=2)
        with empty.home() as folder:
            must(empty.call("catalog", "load", str(folder / "catalogue.csv")))
            empty.keep_as(empty.start)
        for scene in (empty, known):
            with scene.home() as folder:
                scene.points = must(scene.call("run", "otter", "--json")).left
                scene.expected = scene.contents() | {"report": last_report(folder)}
                if scene is empty:
                    empty.keep_as(known.start)
        yield [empty, known]
    finally:
        first.stop()
        later.stop()


def must(ended: Ended) -> Ended:
    """The ending of a call that nobody disturbs."""
    if ended.code != 0:
        raise RuntimeError(f"an undisturbed call ended with {ended.code}: {ended.err}")
    return ended


def write_catalogue(path: Path, accounts: list[Account], missing: int = 0) -> None:
    """A catalogue file that covers the accounts' titles, but for some."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, CATALOGUE_COLUMNS)
        writer.writeheader()
        writer.writerows(catalogue_rows(accounts, missing=missing))


def _database(server: PostgreSQL, name: str) -> str:
    base, _, query = server.url.partition("?")
    return f"{base.rpartition('/')[0]}/{name}?{query}"


def copy_database(server: PostgreSQL, source: str, target: str) -> None:
    """A database as another one is; one that was there goes, whoever is in it."""
    if source != target:
        cut_sessions(server, source)
        execute(
            server.url, f"drop database if exists {target} with (force)", f"create database {target} template {source}"
        )


def cut_sessions(server: PostgreSQL, name: str) -> None:
    """End all sessions with a database, and wait until they are gone."""
    here = f"from pg_stat_activity where datname = '{name}'"
    while execute(server.url, f"select pid, cast(pg_terminate_backend(pid) as text) {here}"):
        pass
