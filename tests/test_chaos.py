"""A quick form of `make chaos`: a few of its points, in a process of its own, since it forks."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ["crash", "--every", "160"],
        ["crash", "--every", "101", "--database", "postgresql"],
        ["soak", "--accounts", "3"],
    ],
    ids=["crashes", "crashes on PostgreSQL", "a soak"],
)
def test_an_import_that_is_struck_ends_as_if_nothing_had_happened(arguments: list[str]) -> None:
    command = [sys.executable, "-m", f"tests.chaos.{arguments[0]}", *arguments[1:]]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("tried, 0 losses\n")
