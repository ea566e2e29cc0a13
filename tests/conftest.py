"""What the tests share: a folder with a database and a catalogue, a sandbox, and the program itself."""

from __future__ import annotations

import csv
import json
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import run_cli
from tests.databases import NAMES, Schema, Server, SQLiteFile
from tests.house import House
from tests.sandbox.accounts import Account, catalogue_rows
from tests.sandbox.faults import Faults
from tests.sandbox.server import Sandbox
from tests.sandbox.titles import CATALOGUE_COLUMNS


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Home:
    """A user's folder: settings in the environment, a database, staged files, and the program to call."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    database: SQLiteFile | Schema
    sandboxes: list[Sandbox] = field(default_factory=list)

    def call(self, *arguments: str) -> Result:
        self.capsys.readouterr()
        code = run_cli(list(arguments))
        captured = self.capsys.readouterr()
        return Result(code, captured.out, captured.err)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.execute(sql)

    def change(self, sql: str) -> None:
        self.database.execute(sql)

    def catalogue(self, rows: list[dict[str, Any]], *options: str) -> Result:
        file = self.path / "catalogue.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, CATALOGUE_COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return self.call("catalog", "load", str(file), *options)


@pytest.fixture(scope="session", autouse=True)
def keyboard() -> None:
    """A Ctrl-C is heard: a shell that starts the tests in the background lets them ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of its own: the budget that processes share is kept in its folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("machine")))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what touches the database on each of them; on one where it is a bystander, or has a way of its own."""
    if "database" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker
        names = NAMES[:1] if marked("one_database") else NAMES[1:] if marked("on_postgresql") else NAMES
        metafunc.parametrize("database", names, indirect=True)


@pytest.fixture(scope="session")
def postgresql() -> Server:
    return Server()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> SQLiteFile | Schema:
    if request.param == "sqlite":
        return SQLiteFile(tmp_path / "data" / "app.db")
    return request.getfixturevalue("postgresql").schema()


@pytest.fixture
def home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: SQLiteFile | Schema,
) -> Home:
    for name in ("DATABASE_URL", "DATA_URL", "LOG_FORMAT", "QUEUE_URL", "TRAKT_MAX_WAIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    if database.name != "sqlite":  # SQLite's file is the default
        monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("TRAKT_CLIENT_ID", "client-id-of-the-tests")
    monkeypatch.setenv("TRAKT_PATIENCE", "3")
    return Home(tmp_path, capsys, database)


@pytest.fixture
def served(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sandbox]]:
    """Serve accounts, with the matching catalogue loaded."""
    running: list[Sandbox] = []

    def serve(*accounts: Account, missing: int = 0, **options: Any) -> Sandbox:
        sandbox = Sandbox(list(accounts), **{"limit": 100_000, **options}).start()
        running.append(sandbox)
        monkeypatch.setenv("TRAKT_API_URL", sandbox.url)
        home.catalogue(catalogue_rows(accounts, missing=missing))
        return sandbox

    yield serve
    for sandbox in running:
        sandbox.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with Sandbox([], limit=100_000) as sandbox:
        yield sandbox


@pytest.fixture
def house(tmp_path: Path, server: Sandbox) -> House:
    """The extract stage, with a sandbox that is empty again for each test."""
    server.faults = Faults()
    server.limit, server.period = 100_000, 300
    server.accounts.clear()
    server.forget()
    return House(tmp_path, server)
