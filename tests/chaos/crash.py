"""The crash harness: strike at every point of an import in turn, resume, and compare with an undisturbed one.

Two scenes: a first import, and one that brings changes to a library that is there. Points and figures are printed.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from pipeline.cli import run_cli
from tests.chaos.forks import KILLED, Ended, Server, in_child
from tests.chaos.points import Points, strikes, wrapped
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
    """An import to disturb: the folder it starts from, whom it asks, and how it ends when nobody disturbs it."""

    name: str
    start: Path
    url: str
    work: Path
    expected: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def home(self) -> Iterator[Path]:
        """A fresh copy of the start, and the environment that names it."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.start, self.work)
        os.environ.update(environment(self.work, self.url))
        yield self.work

    def call(self, *arguments: str, points: Points | None = None) -> Ended:
        """Run the program in a child process, `points` at its doors."""

        def work() -> tuple[int, Any]:
            passed = points or Points()
            with wrapped(passed):
                code = run_cli(list(arguments))
            return code, passed.seen

        return in_child(work, self.work / "told.json")


def environment(folder: Path, url: str) -> dict[str, str]:
    """The settings of a home."""
    return {
        "TRAKT_API_URL": url,
        "TRAKT_CLIENT_ID": "chaos",
        "TRAKT_PATIENCE": "5",
        "DATABASE_URL": f"sqlite:///{folder / 'app.db'}",
        "DATA_URL": str(folder / "data"),
        "LOG_FORMAT": "text",
    }


def contents(folder: Path) -> dict[str, Any]:
    """What must not differ: the rows of all tables without their stamps, and the counts of the last run."""
    with closing(sqlite3.connect(folder / "app.db")) as connection:
        found: dict[str, Any] = {}
        for table in TABLES:
            names = [row[1] for row in connection.execute(f"pragma table_info({table})") if row[1] not in STAMPS]
            found[table] = sorted(connection.execute(f"select {', '.join(names)} from {table}"), key=repr)
        found["runs"] = connection.execute(
            "select imported_count, skipped_count, error_count, status from import_runs order by run_id"
        ).fetchall()
    return found


def disturb(scene: Scene, number: int, how: str) -> str | None:
    """Strike at one point, then resume; None where all is as if nothing had happened, else what differs."""
    with scene.home() as folder:
        struck = scene.call("run", "otter", "--json", points=Points(number, how))
        allowed = (KILLED,) if how == "kill" else (0, 7)
        if struck.code not in allowed:
            return f"ended with {struck.code}, not {allowed}: {struck.err[-400:]}"
        resumed = scene.call("resume")
        if resumed.code != 0:
            return f"resume ended with {resumed.code}: {resumed.err[-400:]}"
        if len(contents(folder)["runs"]) < len(scene.expected["runs"]):
            # Nothing was there to resume: the run had not been written down yet.
            again = scene.call("run", "otter", "--json")
            if again.code != 0:
                return f"run ended with {again.code}: {again.err[-400:]}"
        found = contents(folder)
        wrong = [name for name in found if found[name] != scene.expected[name]]
        if wrong:
            return f"{', '.join(wrong)} differ"
        leftovers = [path.name for path in folder.rglob(".tmp-*")]
        if leftovers:
            return f"left behind: {leftovers[:3]}"
        return _report_differs(scene, folder)


def _report_differs(scene: Scene, folder: Path) -> str | None:
    told = _last_report(folder)
    if not told["balanced"]:
        return "the report does not balance"
    wrong = [
        key
        for key in ("titles", "tables", "not_in_catalogue", "kept", "gone")
        if told[key] != scene.expected["report"][key]
    ]
    return f"the report's {', '.join(wrong)} differ" if wrong else None


@contextmanager
def scenes(root: Path) -> Iterator[list[Scene]]:
    """The scenes, each with what an undisturbed run gives; two sandboxes serve them meanwhile."""
    first, later = Server(lambda: [account()]), Server(lambda: [account(changed=True)])
    try:
        empty = Scene("a first import", root / "empty", first.url, root / "work")
        empty.start.mkdir(parents=True)
        write_catalogue(empty.start / "catalogue.csv", [account(changed=True)], missing=2)
        with empty.home() as folder:
            _must(empty.call("catalog", "load", str(folder / "catalogue.csv")))
            shutil.copytree(folder, empty.start, dirs_exist_ok=True)
        known = Scene("an import that brings changes", root / "known", later.url, root / "work")
        for scene in (empty, known):
            with scene.home() as folder:
                _must(scene.call("run", "otter"))
                scene.expected = contents(folder) | {"report": _last_report(folder)}
                if scene is empty:
                    shutil.copytree(folder, known.start)
        yield [empty, known]
    finally:
        first.stop()
        later.stop()


def points_of(scene: Scene) -> list[str]:
    """The names of all points that an undisturbed run passes, in order."""
    with scene.home():
        return list(_must(scene.call("run", "otter", "--json")).left)


def trials(names: Sequence[str], every: int = 1) -> list[tuple[int, str]]:
    """Every `every`th pair of a point's number (from 1) and a way in which it fails."""
    return [(number, how) for number, name in enumerate(names, 1) for how in strikes(name)][::every]


@click.command()
@click.option("--every", default=1, show_default=True, help="Strike at every so many points only.")
def main(every: int) -> None:
    """Strike at every point of every scene; print how many, and what went wrong."""
    tried: Counter[str] = Counter()
    losses = []
    with tempfile.TemporaryDirectory() as folder, scenes(Path(folder)) as all_scenes:
        for scene in all_scenes:
            names = points_of(scene)
            print(f"{scene.name}: {len(names)} points", flush=True)
            for number, how in trials(names, every):
                tried[f"{names[number - 1].split(' ')[0]}, {how}"] += 1
                wrong = disturb(scene, number, how)
                if wrong is not None:
                    losses.append(wrong)
                    print(f"  LOST at point {number} ({names[number - 1]}), {how}: {wrong}", flush=True)
    for what, count in sorted(tried.items()):
        print(f"{count:>6}  {what}")
    print(f"{tried.total():>6}  crashes in all, {len(losses)} losses")
    sys.exit(1 if losses else 0)


def _must(ended: Ended) -> Ended:
    if ended.code != 0:
        raise RuntimeError(f"an undisturbed call ended with {ended.code}: {ended.err}")
    return ended


def _last_report(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(sorted((folder / "data" / "reports").glob("*.json"))[-1].read_text())
    return told


def write_catalogue(path: Path, accounts: list[Account], missing: int = 0) -> None:
    """A catalogue file that covers the accounts' titles, but for some."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, CATALOGUE_COLUMNS)
        writer.writeheader()
        writer.writerows(catalogue_rows(accounts, missing=missing))


if __name__ == "__main__":
    main()
