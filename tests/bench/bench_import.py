"""The whole process, from the command line to its exit: a first import, and one that finds nothing changed.

The floor is a process that asks for the same pages with bare httpx and throws them away.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, in_turns, median_parts
from tests.bench.ground import ROOT, Ended, Ground, ground, watch

SMALL = "small:plays=3126,movies=900,shows=60"
LARGE = "large:plays=18361,movies=2500,shows=350"
FLOOR = "start of a process, and the same pages by bare httpx"
# Account, latency in ms, seconds at most.
CASES = ((SMALL, 0, 1.0), (LARGE, 0, 1.8), (LARGE, 80, 2.3))


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """First and second imports, each beside the floor."""
    for account, latency, target in CASES:
        with ground(folder / f"{account[:5]}-{latency}", [account], latency_ms=latency) as here:
            yield from _case(here, account, latency, target, rounds)


def _case(here: Ground, account: str, latency: int, target: float, rounds: int) -> Iterator[Figure]:
    slug = account.partition(":")[0]
    plays = int(account.partition("plays=")[2].partition(",")[0])
    here.call("run", slug)  # the sandbox prepares its answers when they are first asked for
    first: list[Ended] = []
    second: list[Ended] = []

    def once(runs: list[Ended]) -> float:
        runs.append(here.call("run", slug))
        return runs[-1].seconds

    def fresh() -> float:
        here.fresh()
        return once(first)

    def bare() -> float:
        command = [sys.executable, "-m", "tests.bench.bare", here.api_url, slug]
        return watch(command, here.environment, ROOT).seconds

    whole, again, floor = in_turns(rounds, fresh, lambda: once(second), bare)
    name = f"{plays:,} plays" + (f", {latency} ms latency" if latency else "")
    for what, value, runs in (("first import", whole, first), ("nothing changed", again, second)):
        parts = median_parts(run.stages for run in runs)
        yield Figure(f"{name}, {what}", value, target=target, floor=floor, floor_is=FLOOR, parts=parts)
