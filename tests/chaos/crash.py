"""The crash harness: strike at every point of an import in turn, resume, and compare with an undisturbed one.

Two scenes: a first import, and one that brings changes to a library that is there. On PostgreSQL the process is
killed, and its session with the server ended, at every statement. Points and figures are printed.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from tests.chaos.forks import KILLED, WORKERS, Ended, Progress, load_program, side_by_side
from tests.chaos.points import STATEMENTS, Points, strikes
from tests.chaos.scenes import Scene, last_report, scenes
from tests.databases import NAMES
from tests.databases import Server as PostgreSQL

Trial = tuple[str, int, str]
"""A point's name, which time it is passed (from 1), and a way in which it fails."""


def disturb(scene: Scene, trial: Trial) -> str | None:
    """Strike at one point, then resume; None where all is as if nothing had happened, else what differs."""
    name, time, how = trial
    with scene.home() as folder:
        points = Points((name, time), how, cut=None if scene.server is None else scene.cut)
        struck = scene.call("run", "otter", "--json", points=points)
        allowed = (KILLED,) if how == "kill" else (0, 7)
        if struck.code not in allowed:
            return f"ended with {struck.code}, not {allowed}: {_told(struck)}"
        resumed = scene.call("resume")
        if resumed.code != 0:
            return f"resume ended with {resumed.code}: {_told(resumed)}"
        if len(scene.contents()["runs"]) < len(scene.expected["runs"]):
            # Nothing was there to resume: the run had not been written down yet.
            again = scene.call("run", "otter", "--json")
            if again.code != 0:
                return f"run ended with {again.code}: {_told(again)}"
        found = scene.contents()
        wrong = [name for name in found if found[name] != scene.expected[name]]
        if wrong:
            return f"{', '.join(wrong)} differ"
        leftovers = [path.name for path in folder.rglob(".tmp-*")]
        if leftovers:
            return f"left behind: {leftovers[:3]}"
        return _report_differs(scene, folder)


def _told(ended: Ended) -> str:
    """The last words; of one that fell over, where (the thread that did it comes first)."""
    return f"{ended.out[-400:]} {ended.err[-400:]}" if ended.code >= 0 else ended.err[:1500]


def _report_differs(scene: Scene, folder: Path) -> str | None:
    told = last_report(folder)
    if not told["balanced"]:
        return "the report does not balance"
    wrong = [
        key
        for key in ("titles", "tables", "not_in_catalogue", "kept", "gone")
        if told[key] != scene.expected["report"][key]
    ]
    return f"the report's {', '.join(wrong)} differ" if wrong else None


def trials(names: Sequence[str], kinds: Sequence[str] = (), every: int = 1) -> list[Trial]:
    """Every `every`th pair of a point and a way in which it fails; of some kinds of points only, where named."""
    every_one = [
        (name, names[: place + 1].count(name), how)
        for place, name in enumerate(names)
        for how in strikes(name)
        if not kinds or name.split(" ")[0] in kinds
    ]
    return every_one[::every]


def strike_all(scene: Scene, chosen: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, str | None]]:
    """Every trial and what was lost in it, as they end."""

    def work(worker: int) -> Iterator[Any]:
        mine = scene.of_worker(worker)
        for trial in chosen[worker::workers]:
            yield trial, disturb(mine, trial)

    yield from side_by_side(work, workers)


@click.command()
@click.option("--every", default=1, show_default=True, help="Strike at every so many points only.")
@click.option("--database", type=click.Choice(NAMES), default=NAMES[0], show_default=True)
@click.option("--kind", "kinds", multiple=True, help="Strike at points of this kind only (write, fsync, statement, …).")
@click.option("--workers", default=WORKERS, show_default=True, help="So many strikes side by side.")
def main(every: int, database: str, kinds: tuple[str, ...], workers: int) -> None:
    """Strike at every point of every scene; print how many, and what went wrong."""
    load_program()
    tried: Counter[str] = Counter()
    losses = 0
    server = PostgreSQL() if database == "postgresql" else None
    kinds = kinds or (STATEMENTS if server is not None else ())
    with tempfile.TemporaryDirectory() as folder, scenes(Path(folder), server) as all_scenes:
        for scene in all_scenes:
            chosen = trials(scene.points, kinds, every)
            print(f"{scene.name}, {database}: {len(scene.points)} points, {len(chosen)} strikes", flush=True)
            progress = Progress("strikes", len(chosen))
            for (name, time, how), wrong in strike_all(scene, chosen, workers):
                tried[f"{name.split(' ')[0]}, {how}"] += 1
                if wrong is not None:
                    losses += 1
                    print(f"  LOST at {name} ({time}), {how}: {wrong}", flush=True)
                progress.step()
            print(f"  {progress}", flush=True)
    for what, count in sorted(tried.items()):
        print(f"{count:>6}  {what}")
    print(f"{database}: {tried.total()} points tried, {losses} losses")
    sys.exit(1 if losses or not tried else 0)


if __name__ == "__main__":
    main()
