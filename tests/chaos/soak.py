"""The soak: many accounts, each with faults of its own, two processes at work that are killed again and again.

In the end every library must equal that of a server without faults, and no request may have come beyond the limit.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from pipeline.cli import run_cli
from tests.chaos.crash import STAMPS, TABLES, environment, write_catalogue
from tests.chaos.forks import KILLED, Ended, Server, in_child
from tests.chaos.points import Points, wrapped
from tests.sandbox.accounts import Account, make_account
from tests.sandbox.faults import Action, Faults

ACCOUNTS = int(os.environ.get("SOAK_ACCOUNTS", "200"))
LIMIT, PERIOD = 500, 15.0
WORKERS = 2
MOST_TRIES = 40
ENDPOINTS = (
    "profile",
    "stats",
    "history",
    "watched_movies",
    "watched_shows",
    "watchlist",
    "collection",
    "ratings",
    "watching",
)
ACTIONS: tuple[Action, ...] = (
    500, 502, 503, 504, 520, 521, 522, 429, "429-bare", "403html", "drop", "cut", "truncated", "html200", "trickle:0.002",
)  # fmt: skip


def accounts(faulty: bool) -> list[Account]:
    """Small accounts; `faulty` gives each some faults, the same every time."""
    made = []
    for number in range(ACCOUNTS):
        rng = random.Random(number)
        account = make_account(
            f"user-{number}",
            seed=number,
            movies=rng.randint(0, 12),
            shows=rng.randint(1, 4),
            plays=rng.randint(20, 400),
            odd=number % 3 == 0,
        )
        if faulty:
            account.faults = _faults(rng)
        made.append(account)
    return made


def _faults(rng: random.Random) -> Faults:
    faults = Faults(fail={name: rng.choices(ACTIONS, k=rng.randint(1, 2)) for name in rng.sample(ENDPOINTS, 3)})
    if rng.random() < 0.3:
        faults.page_lag = {"history": rng.randint(1, 2)}
    if rng.random() < 0.3:
        faults.empty_page = {"history": 1, "ratings": 1}
    if rng.random() < 0.2:
        faults.duplicate_rows = {"ratings": 1}
    if rng.random() < 0.2:
        faults.no_pagination_headers = True
    return faults


class Worker:
    """One process after the other imports its share of the accounts; each may be killed at a random point."""

    def __init__(self, folder: Path, number: int) -> None:
        self.told = folder / f"told-{number}.json"
        self.share = [f"user-{user}" for user in range(number, ACCOUNTS, WORKERS)]
        self.rng = random.Random(number)
        self.endings: Counter[str] = Counter()

    def work(self) -> Counter[str]:
        """Import everybody, however often it takes; how the calls ended."""
        for user in self.share:
            for _ in range(MOST_TRIES):
                ended = self._call("run", user)
                self.endings["killed" if ended.code == KILLED else f"exit {ended.code}"] += 1
                if ended.code == 0:
                    break
                if ended.code not in (KILLED, 6, 7):
                    self.endings[f"LOST {user}: {ended.err[-300:]}"] += 1
            else:
                self.endings[f"LOST {user}: never came through"] += 1
        return self.endings

    def _call(self, *arguments: str) -> Ended:
        target = self.rng.randint(1, 400)

        def work() -> tuple[int, Any]:
            with wrapped(Points(target)):
                return run_cli(["-q", *arguments]), None

        return in_child(work, self.told)


def main() -> int:
    """Soak, compare, print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = _import(folder / "calm", faulty=False)
        found = _import(folder / "storm", faulty=True)
    lost = [table for table in expected["rows"] if expected["rows"][table] != found["rows"][table]]
    endings: Counter[str] = found["endings"]
    troubles = [text for text in endings if text.startswith("LOST")]
    for text, count in sorted(endings.items()):
        print(f"{count:>6}  {text}")
    rows = sum(len(table) for table in found["rows"].values())
    print(f"{ACCOUNTS} accounts, {rows} rows; {found['requests']} requests, {found['beyond']} beyond the limit")
    print(f"tables that differ from a calm import: {', '.join(lost) or 'none'}")
    return 1 if lost or troubles or found["beyond"] else 0


def _import(folder: Path, *, faulty: bool) -> dict[str, Any]:
    folder.mkdir()
    options: dict[str, Any] = {"limit": LIMIT, "period": PERIOD} if faulty else {}
    server = Server(lambda: accounts(faulty), **options)
    endings: Counter[str] = Counter()
    try:
        os.environ.update(environment(folder, server.url) | {"TRAKT_PATIENCE": "30"})
        write_catalogue(folder / "catalogue.csv", accounts(False))
        _calm(folder, "catalog", "load", str(folder / "catalogue.csv"))
        if faulty:
            endings = _storm(folder)
        else:
            for number in range(ACCOUNTS):
                _calm(folder, "-q", "run", f"user-{number}")
    finally:
        figures = server.stop()
    found = {"rows": _rows(folder / "app.db"), "endings": endings, **figures}
    shutil.rmtree(folder)
    return found


def _calm(folder: Path, *arguments: str) -> None:
    ended = in_child(lambda: (run_cli(list(arguments)), None), folder / "told.json")
    if ended.code:
        raise RuntimeError(f"{arguments} ended with {ended.code}: {ended.err}")


def _storm(folder: Path) -> Counter[str]:
    """The workers side by side, each a process of its own; all their endings."""
    children = []
    for number in range(WORKERS):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as told:
                told.write(repr(dict(Worker(folder, number).work())))
            os._exit(0)
        os.close(writing)
        children.append((child, reading))
    endings: Counter[str] = Counter()
    for child, reading in children:
        with os.fdopen(reading) as told:
            endings += Counter(_literal(told.read()))
        os.waitpid(child, 0)
    return endings


def _literal(text: str) -> dict[str, int]:
    import ast

    told: dict[str, int] = ast.literal_eval(text)
    return told


def _rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        found = {}
        for table in TABLES:
            names = [row[1] for row in connection.execute(f"pragma table_info({table})") if row[1] not in STAMPS]
            found[table] = sorted(connection.execute(f"select {', '.join(names)} from {table}"), key=repr)
    return found


if __name__ == "__main__":
    sys.exit(main())
