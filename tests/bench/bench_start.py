"""How soon the program answers: `--help` beside a process that only imports click."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, in_turns
from tests.bench.ground import Ground, watch


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """The start of the program."""
    here = Ground(folder, "http://127.0.0.1:9")

    def click() -> float:
        return watch([sys.executable, "-c", "import click"], here.environment, folder).seconds

    value, floor = in_turns(rounds * 4, lambda: here.call("--help").seconds, click)
    yield Figure("trakt-import --help", value, floor=floor, floor_is='python -c "import click"', ratio_target=3.0)
