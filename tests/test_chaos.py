"""A quick form of `make chaos`: a few of its points, in a process of its own, since it forks."""

from __future__ import annotations

import subprocess
import sys


def test_an_import_that_is_struck_ends_as_if_nothing_had_happened():
    command = [sys.executable, "-m", "tests.chaos.crash", "--every", "160"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 losses" in done.stdout
