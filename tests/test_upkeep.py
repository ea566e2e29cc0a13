"""Upkeep: merging and removing files changes no answer, at any moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.lake.connection import Lake
from pipeline.locks import user_lock
from pipeline.storage import MERGED, Storage
from pipeline.upkeep.compaction import merge_pages
from tests.sandbox.accounts import make_account
from tests.sandbox.faults import Faults

pytestmark = pytest.mark.one_database

MOVING = ("freshness", "views")


def answers():
    """Every row of every view, as the files are now."""
    lake = Lake(Storage("data"))
    views = [row[0] for row in lake.connection.execute("select name from views").fetchall() if row[0] not in MOVING]
    return {view: sorted(map(repr, lake.connection.execute(f"from {view}").fetchall())) for view in views}


def pages(folder="data/staged"):
    return sorted(str(path) for path in Path(folder).rglob("*.parquet"))


@pytest.fixture
def otter(home, served):
    account = make_account("otter", movies=20, shows=3, plays=760, watching=False)
    other = make_account("badger", movies=5, shows=2, plays=260, watching=False)
    served(account, other)
    assert home.call("run", "otter").code == home.call("run", "badger").code == 0
    return account


def test_compact_merges_finished_runs_and_changes_no_answer(home, otter, monkeypatch):
    otter.faults = Faults(fail_always={"ratings": 500})
    monkeypatch.setenv("TRAKT_PATIENCE", "0")
    unfinished = home.call("run", "otter", "--full")
    before, files = answers(), pages()
    left = [file for file in files if f"run={unfinished.err.split()[-1]}" in file]

    result = home.call("compact")

    assert unfinished.code == 6
    assert result.code == 0, result.err
    assert len(left) > 4
    assert set(left) <= set(pages())
    assert answers() == before
    merged = [file for file in pages() if file.endswith(MERGED)]
    assert len(merged) == 2
    folders = [str(Path(file).parent) for file in pages() if file not in left]
    assert len(folders) == len(set(folders))
    assert "merged: 0 became 0" in home.call("compact").out
    otter.faults = Faults()
    monkeypatch.setenv("TRAKT_PATIENCE", "30")
    assert home.call("resume").code == 0
    again = home.call("run", "otter", "--json")
    assert again.json["imported_count"] == again.json["error_count"] == 0
    assert home.call("report", "--format", "json").json["balanced"]


def test_a_merge_that_is_cut_short_anywhere_shows_every_row_once(home, otter, monkeypatch):
    expected, calls = answers(), 0
    remove = Storage.remove

    def failing(self, name):
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise StorageError("the power went")
        return remove(self, name)

    monkeypatch.setattr(Storage, "remove", failing)
    cut = 0
    while True:
        try:
            merge_pages(Storage("data"))
            break
        except StorageError:
            cut += 1
            assert answers() == expected
    assert cut >= 3
    assert answers() == expected
    assert home.call("run", "otter", "--json").json["imported_count"] == 0


def test_a_profile_that_is_being_imported_is_left_out(home, otter):
    before = pages("data/staged/history/user=otter")

    with user_lock(Storage("data"), "otter"):
        result = home.call("compact")

    assert "left out: otter is being imported" in result.err
    assert pages("data/staged/history/user=otter") == before
    assert len(pages("data/staged/history/user=badger")) == 1


def age(run_id, day):
    """Put a run's journal back to a day of 2020, and its files with it."""
    for file in Path(f"data/runs/{run_id}/events").iterdir():
        event = json.loads(file.read_bytes())
        file.write_text(json.dumps(event | {"at": f"2020-01-{day:02}T00:00:00Z"}))


def test_what_is_old_goes_but_for_what_a_picture_or_a_baseline_needs(home, otter, monkeypatch):
    for _ in range(3):
        otter.add_play(otter.titles[0], "2026-10-01T20:00:00.000Z")
        assert home.call("run", "otter", "--full").code == 0
    runs = [row["run_id"] for row in home.call("runs", "--json").json if row["trakt_slug"] == "otter"][::-1]
    for day, run_id in enumerate(runs[:3], 1):
        age(run_id, day)
    latest = {view: rows for view, rows in answers().items() if view.startswith("latest_")}
    assert "removed" not in home.call("compact").out
    monkeypatch.setenv("RETENTION_DAYS", "30")

    result = home.call("compact")

    assert result.code == 0, result.err
    assert "2 journals removed" in result.out
    assert {view: rows for view, rows in answers().items() if view.startswith("latest_")} == latest
    for folder in ("staged/history/user=otter/run=", "resolved/watches/batch=", "before/watches/batch=", "runs/"):
        there = [Path(f"data/{folder}{run_id}").exists() for run_id in runs]
        assert there == [False, False, True, True], folder
    gone = home.call("undo", runs[1])
    assert gone.code == 2
    assert "RETENTION_DAYS" in gone.err
    assert home.call("run", "otter", "--json").json["imported_count"] == 0
    # The newest run found nothing new: it stands on the rows of the one before.
    for day, row in enumerate(home.call("runs", "--json").json[::-1], 10):
        age(row["run_id"], day)
    latest = {view: rows for view, rows in answers().items() if view.startswith("latest_")}
    assert "1 journals removed" in home.call("compact").out
    assert {view: rows for view, rows in answers().items() if view.startswith("latest_")} == latest
    assert home.call("run", "otter", "--json").json["imported_count"] == 0
    assert "0 journals removed" in home.call("compact").out
