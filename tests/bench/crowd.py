"""Many users: in this process under a clock that jumps from night to night, or beside a server that changes them."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import signal
import subprocess
from pathlib import Path
from typing import Any

from pipeline.batch import run_night
from pipeline.clock import Clock, stamp
from pipeline.display.console import Crowd
from pipeline.night import targets
from pipeline.settings import Settings, load_settings
from pipeline.storage import Storage
from stages.catalog import current_snapshot, load_catalogue
from stages.database import open_database, prepare
from tests.bench.ground import PROGRAM, Ended, watch
from tests.sandbox.accounts import Account, catalogue_rows, make_account
from tests.sandbox.server import Sandbox
from tests.sandbox.titles import CATALOGUE_COLUMNS

START = 1_793_500_000.0  # November 2026
DAY = 86_400.0
SMALL = {"movies": 12, "shows": 3, "plays": 60, "ratings": 10, "watchlist": 4}


def crowd(count: int, **sizes: int) -> list[Account]:
    """Profiles without a collection, small where nothing is said."""
    return [
        make_account(f"user-{number}", seed=number, **(SMALL | {"collection_movies": 0, "collection_shows": 0} | sizes))
        for number in range(count)
    ]


def play_one(account: Account, night: int) -> None:
    """Something known is watched again."""
    account.add_play(account.titles[0], stamp(Clock(lambda: START + night * DAY).utc()).replace("Z", ".000Z"))


def write_catalogue(file: Path, accounts: list[Account]) -> Path:
    """The titles of these accounts as a catalogue."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, CATALOGUE_COLUMNS)
        writer.writeheader()
        writer.writerows(catalogue_rows(accounts))
    return file


class World:
    """A folder, a server, and a clock that both go by; to be used as a context."""

    def __init__(self, folder: Path, accounts: list[Account]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.now = START
        self.clock = Clock(lambda: self.now, self._sleep)
        self.accounts = accounts
        self.sandbox = Sandbox(accounts, limit=10**9, clock=lambda: self.now)
        self.storage = Storage(folder / "data")
        self._folder = folder

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    def __enter__(self) -> World:
        self.sandbox.start()
        environment = {
            "TRAKT_CLIENT_ID": "client-id-of-the-bench",
            "TRAKT_API_URL": self.sandbox.url,
            "DATABASE_URL": f"sqlite:///{self._folder / 'app.db'}",
            "DATA_URL": str(self._folder / "data"),
        }
        self.settings: Settings = load_settings(environment, self._folder)
        with open_database(self.settings) as database:
            prepare(database)
            catalogue = write_catalogue(self._folder / "catalogue.csv", self.accounts)
            load_catalogue(catalogue, database=database, at=self.clock.stamp())
            current_snapshot(database, self.storage)
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()

    def tomorrow(self) -> None:
        """The next night begins."""
        self.now = START + (round((self.now - START) // DAY) + 1) * DAY
        self.sandbox.forget()

    def change(self, share: float, night: int) -> list[str]:
        """So many of the users watch something; who."""
        chosen = random.Random(night).sample(self.accounts, max(1, round(share * len(self.accounts))))
        for account in chosen:
            play_one(account, night)
        return [account.slug for account in chosen]

    def night(self) -> dict[str, Any]:
        """Import everybody; the batch report."""
        with open_database(self.settings) as database:
            everybody = targets(database, names=[account.slug for account in self.accounts], everybody=False)
        return run_night(
            everybody,
            settings=self.settings,
            storage=self.storage,
            clock=self.clock,
            full=False,
            display=Crowd("text", -1),
        )

    def was_read_in_full(self, slug: str) -> bool:
        """Whether the profile itself was asked for tonight, as full readings do."""
        if not hasattr(self, "_seen") or self._seen[0] != self.now:
            self._seen = self.now, {request.path for request in self.sandbox.requests}
        return f"/users/{slug}" in self._seen[1]


class Crowded:
    """Many users on a server in a process of its own; `batch` is the program."""

    def __init__(self, folder: Path, users: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._users = folder, users

    def __enter__(self) -> Crowded:
        self._names = self._folder / "names"
        self._names.write_text("\n".join(f"user-{number}" for number in range(self._users)), encoding="utf-8")
        reading, writing = os.pipe()
        self._server = os.fork()
        if self._server == 0:
            os.close(reading)
            self._serve(writing)
        os.close(writing)
        self._told = os.fdopen(reading)
        self._environment = os.environ | {
            "TRAKT_CLIENT_ID": "client-id-of-the-bench",
            "TRAKT_API_URL": self._told.readline().strip(),
            "DATABASE_URL": f"sqlite:///{self._folder / 'app.db'}",
            "DATA_URL": str(self._folder / "data"),
        }
        subprocess.run(
            [PROGRAM, "catalog", "load", str(self._folder / "catalogue.csv")],
            env=self._environment, cwd=self._folder, check=True, capture_output=True,
        )  # fmt: skip
        return self

    def _serve(self, writing: int) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
        accounts = crowd(self._users)
        write_catalogue(self._folder / "catalogue.csv", accounts)
        with os.fdopen(writing, "w") as told, Sandbox(accounts, limit=10**9) as sandbox:
            print(sandbox.url, file=told, flush=True)
            while signal.sigwait({signal.SIGTERM, signal.SIGUSR1}) == signal.SIGUSR1:
                for account in random.Random(1).sample(accounts, max(1, self._users // 50)):
                    play_one(account, 1)
                print("changed", file=told, flush=True)
        os._exit(0)

    def __exit__(self, *_: object) -> None:
        os.kill(self._server, signal.SIGTERM)
        os.waitpid(self._server, 0)
        self._told.close()

    def change(self) -> None:
        """2 % of the users watch something."""
        os.kill(self._server, signal.SIGUSR1)
        self._told.readline()

    def batch(self, *arguments: str) -> Ended:
        """Import everybody, or those of `--users FILE`."""
        command = [str(PROGRAM), "batch", "-q", *(arguments or ("--users", str(self._names)))]
        return watch(command, self._environment, self._folder)
