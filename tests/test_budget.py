"""Several processes of one machine keep to one limit, and a batch lets the person at the keyboard go first."""

from __future__ import annotations

import asyncio

from pipeline.clock import Clock
from pipeline.settings import Settings
from stages.extract.budget import Budget, shared_budget
from stages.extract.client import Client
from tests.sandbox.accounts import make_account
from tests.sandbox.server import Sandbox


def test_two_processes_never_go_beyond_the_limit_together():
    with Sandbox([make_account("otter", movies=2, shows=1, plays=9)], limit=60, period=2) as sandbox:
        settings = Settings(client_id="k", api_url=sandbox.url)

        async def work(patient):
            async with Client(settings, Clock(), lambda seconds, reason: None, patient=patient) as client:
                await asyncio.gather(*(client.get("/users/otter/stats") for _ in range(55)))

        async def both():
            await asyncio.gather(work(False), work(True))

        asyncio.run(both())

    assert sandbox.count() == 110
    assert sandbox.beyond == 0


def test_a_batch_holds_back_while_a_lone_import_is_at_work(tmp_path):
    lone, batch = Budget(tmp_path / "w"), Budget(tmp_path / "w", patient=True)

    assert batch.take(100.0, 500, 300.0) == 0
    assert lone.take(100.0, 500, 300.0) == 0
    assert batch.take(101.0, 500, 300.0) == 1.0
    assert batch.take(102.0, 500, 300.0) == 0
    lone.take(103.0, 500, 300.0)
    lone.leave(103.0)
    assert batch.take(103.0, 500, 300.0) == 0


def test_far_from_the_limit_requests_are_taken_by_the_lot_and_the_rest_is_given_back(tmp_path):
    one, other = Budget(tmp_path / "w"), Budget(tmp_path / "w")
    for _ in range(3):
        assert one.take(0.0, 500, 300.0) == 0
    one.leave(0.01)

    taken = 0
    while other.take(taken / 1000, 500, 300.0) == 0:
        taken += 1

    assert taken == 497


def test_who_waits_at_the_keyboard_is_first_in_the_next_window(tmp_path):
    lone, batch = Budget(tmp_path / "w"), Budget(tmp_path / "w", patient=True)
    for _ in range(5):
        assert batch.take(0.0, 5, 300.0) == 0

    assert lone.take(10.0, 5, 300.0) == 290.0
    assert batch.take(300.0, 5, 300.0) > 0
    assert lone.take(300.0, 5, 300.0) == 0


def test_a_broken_file_and_a_folder_that_cannot_be_written_are_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "w").write_bytes(b"\0not json")
    assert Budget(tmp_path / "w").take(0.0, 5, 300.0) == 0
    assert Budget(tmp_path / "no" / "such").take(0.0, 5, 300.0) == 0
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "w"))
    assert shared_budget(Settings(client_id="k")).take(0.0, 5, 300.0) == 0
