"""`doctor`: what it sees, and that it ends with the code of the first thing that is not well."""

from __future__ import annotations

import shutil
import socket
import time
from collections import namedtuple

import pytest

from pipeline.clock import Clock
from pipeline.settings import load_settings
from pipeline.storage import Storage
from pipeline.upkeep.doctor import examine
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults


@pytest.fixture
def otter(home, served):
    sandbox = served(make_account("otter", movies=5, shows=1, plays=20))
    assert home.call("run", "otter").code == 0
    assert home.call("users", "add", "otter", "--nightly").code == 0
    return sandbox


def lines(result):
    return {line[6:17].strip(): line for line in result.out.splitlines()}


def test_all_is_well(home, otter):
    result = home.call("doctor")

    assert result.code == 0, result.out
    assert all(line.startswith("ok") for line in result.out.splitlines())
    names = [
        "key",
        "trakt",
        "limit",
        "clock",
        "database",
        "schema",
        "rights",
        "catalogue",
        "coverage",
        "nightly",
        "disk",
    ]
    assert list(lines(result)) == names
    assert "6 of the users' 6 titles" in result.out
    assert "last success 0 h ago" in result.out


def no_key(home, sandbox, monkeypatch):
    monkeypatch.setenv("TRAKT_CLIENT_ID", "")


def refused_key(home, sandbox, monkeypatch):
    sandbox.faults = Faults(key_invalid=True)


def nobody_answers(home, sandbox, monkeypatch):
    monkeypatch.setenv("TRAKT_PATIENCE", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TRAKT_API_URL", f"http://127.0.0.1:{free.getsockname()[1]}")


def older_schema(home, sandbox, monkeypatch):
    home.change("update schema_version set version = 0")


def empty_catalogue(home, sandbox, monkeypatch):
    home.change("delete from titles")


def late_user(home, sandbox, monkeypatch):
    home.change("update trakt_accounts set last_imported_at = '2020-01-01T00:00:00Z'")


def full_disk(home, sandbox, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40 - 2**20, 2**20))


def no_folder(home, sandbox, monkeypatch):
    (home.path / "file").touch()
    monkeypatch.setenv("DATA_URL", "file")


@pytest.mark.parametrize(
    ("harm", "code", "line"),
    [
        (no_key, 3, "key"),
        (refused_key, 3, "trakt"),
        (nobody_answers, 6, "trakt"),
        (older_schema, 7, "schema"),
        (empty_catalogue, 3, "catalogue"),
        (late_user, 9, "nightly"),
        (full_disk, 7, "disk"),
        (no_folder, 7, "disk"),
    ],
)
@pytest.mark.one_database
def test_what_is_not_well_is_told_with_what_mends_it(home, otter, monkeypatch, harm, code, line):
    harm(home, otter, monkeypatch)

    result = home.call("doctor")

    assert result.code == code, result.out
    assert lines(result)[line].startswith("FAIL")
    assert " → " in lines(result)[line]
    assert "client-id-of-the-tests" not in result.out + result.err


@pytest.mark.one_database
def test_a_clock_that_is_off_is_seen_by_trakts_own(home, otter):
    clock = Clock(now=lambda: time.time() + 3600)

    found = {line.name: line for line in examine(load_settings(), Storage("data"), clock)}

    assert not found["clock"].ok
    assert found["trakt"].ok
