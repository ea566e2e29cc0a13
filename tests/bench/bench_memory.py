"""The peak of memory of a whole import: 100,000 plays against a catalogue of 1,000,000 titles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, in_turns
from tests.bench.ground import Ground, enlarge, sandbox

HUGE = "huge:plays=100000,movies=5000,shows=1500"
TITLES = 1_000_000


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """Memory of a first import and of a second."""
    with sandbox(folder, [HUGE]) as url:
        here = Ground(folder, url)
        here.fill(enlarge(folder / "catalogue.csv", TITLES))

        def fresh() -> float:
            here.fresh()
            return here.call("run", "huge").peak_mib

        first, second = in_turns(rounds, fresh, lambda: here.call("run", "huge").peak_mib)
    for what, value in (("first import", first), ("nothing changed", second)):
        yield Figure(f"100,000 plays, 1,000,000 titles, {what}", value, unit="MiB", target=400.0)
