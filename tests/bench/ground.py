"""The ground that is measured on: a sandbox in a process of its own, a database with its catalogue, the program."""

from __future__ import annotations

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.settings import Settings, load_settings
from pipeline.storage import Storage

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("trakt-import")
OUT_OF_REACH = "1000000"
ENTRIES = ("library_entries", "season_entries", "episode_entries", "watches", "trakt_accounts", "import_runs")


# The peak of a process counts what its parent held in memory as it was started: so it is started by a small one.
LAUNCHER = """
import os, subprocess, sys
print("launched", file=sys.stderr, flush=True)
child = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(child.pid, 0)
print("spent", usage.ru_maxrss, usage.ru_utime + usage.ru_stime, file=sys.stderr, flush=True)
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""


@dataclass
class Ended:
    """How a process went: seconds from start to exit and on the processors, the peak of its memory, each stage's seconds."""

    seconds: float
    cpu: float
    peak_mib: float
    stages: dict[str, float]


@dataclass
class Ground:
    """A folder with everything that a user has: settings, a database, staged files."""

    folder: Path
    api_url: str
    filled: Path = field(init=False)

    def __post_init__(self) -> None:
        self.filled = self.folder / "filled"

    @property
    def data(self) -> Path:
        """Where the database and the staged files lie."""
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a user."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TRAKT_CLIENT_ID": "client-id-of-the-bench",
            "TRAKT_API_URL": self.api_url,
            "DATABASE_URL": f"sqlite:///{self.data / 'app.db'}",
            "DATA_URL": str(self.data),
            "LOG_FORMAT": "text",
        }

    @property
    def settings(self) -> Settings:
        """The same, for stages that are called by themselves."""
        return load_settings(self.environment, self.folder)

    @property
    def storage(self) -> Storage:
        """The staged files."""
        return Storage(self.data)

    def call(self, *arguments: str) -> Ended:
        """Run the program to its end; `RuntimeError` where that is not a good one."""
        return watch([str(PROGRAM), *arguments], self.environment, self.folder)

    def fill(self, catalogue: Path) -> None:
        """Load the catalogue and freeze it; what is there then is what `fresh` returns to."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.call("catalog", "load", str(catalogue))
        self.call("catalog", "snapshot")
        self.keep()

    def keep(self) -> None:
        """What is there now is what `fresh` returns to."""
        shutil.rmtree(self.filled, ignore_errors=True)
        with sqlite3.connect(self.data / "app.db") as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        shutil.copytree(self.data, self.filled)

    def fresh(self) -> None:
        """A database with its catalogue and snapshot, and nothing else, nothing of it waiting for the disk any more."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.filled, self.data)
        os.sync()


def watch(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ended:
    """Run a command and note when each line that names a stage comes; `RuntimeError` where it fails."""
    started = last = time.perf_counter()
    stages: dict[str, float] = {}
    stage, said, peak, cpu = "start", "", "0", "0"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, *command],
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        now = time.perf_counter()
        if line == "launched\n":
            started = last = now
            continue
        if line.startswith("spent "):
            _, peak, cpu = line.split()
            break
        said += line
        words = line.split()
        following = words[-1] if words[-1:] and words[-1] in ("extract", "transform", "load", "report") else ""
        if words[:1] == ["run"]:
            following = "exit"
        if following:
            stages[stage] = now - last
            stage, last = following, now
    process.wait()
    ended = time.perf_counter()
    stages[stage] = ended - last
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said.strip()[-500:]}")
    return Ended(ended - started, float(cpu), int(peak) / 1024, stages)


@contextmanager
def ground(folder: Path, accounts: Sequence[str], *, latency_ms: float = 0) -> Iterator[Ground]:
    """A sandbox that serves the accounts (`slug:plays=N,movies=N,shows=N`), and a database with their titles."""
    folder.mkdir(parents=True, exist_ok=True)
    with sandbox(folder, accounts, latency_ms=latency_ms) as url:
        here = Ground(folder, url)
        here.fill(folder / "catalogue.csv")
        yield here


@contextmanager
def sandbox(folder: Path, accounts: Sequence[str], *, latency_ms: float = 0) -> Iterator[str]:
    """The sandbox as a process of its own, its limit out of reach; its address. Writes `catalogue.csv`."""
    port = folder / "port"
    port.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.sandbox", "--port-file", str(port), "--limit", OUT_OF_REACH]
    command += ["--latency-ms", str(latency_ms), "--catalogue-csv", str(folder / "catalogue.csv")]
    for account in accounts:
        command += ["--account", account]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while not port.exists():
            if process.poll() is not None:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port.read_text(encoding='utf-8').strip()}"
    finally:
        process.terminate()
        process.wait()


def enlarge(catalogue: Path, titles: int) -> Path:
    """The catalogue with invented titles added until it has so many, half of them shows, as Parquet."""
    import duckdb

    with catalogue.open(encoding="utf-8") as stream:
        known = sum(1 for _ in csv.reader(stream)) - 1
    target = catalogue.with_suffix(".parquet")
    duckdb.sql(
        f"""
        copy (
            from read_csv('{catalogue}', types = {{'imdb_id': 'varchar'}})
            union all by name
            select 'x-' || i as title_id, if(i % 2 = 0, 'movie', 'show') as kind, 'Title ' || i as name,
                1950 + i % 76 as "year", 50_000_000 + i as trakt_id, 'tt3' || lpad(i::varchar, 7, '0') as imdb_id,
                60_000_000 + i as tmdb_id, if(i % 2 = 0, null, 70_000_000 + i) as tvdb_id,
                if(i % 2 = 0, null, 1 + i % 90) as aired_episodes
            from range({titles - known}) as t(i)
        ) to '{target}' (format parquet)
        """
    )
    return target
