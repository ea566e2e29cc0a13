"""The nightly batch: requests per user, what the machine spends on each, and how many one key serves in a night.

`BENCH_USERS` (5,000) are in the batch that is timed, `BENCH_NIGHT_USERS` (500) in the nights that are counted.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pipeline.clock import Clock
from stages.extract.limiter import LIMIT, PERIOD, Limiter
from tests.bench.crowd import Crowded, World, crowd
from tests.bench.figures import Figure
from tests.bench.ground import ground

USERS = int(os.environ.get("BENCH_USERS", "5000"))
NIGHT_USERS = int(os.environ.get("BENCH_NIGHT_USERS", "500"))
NIGHTS, CHANGED = 14, 0.02
HOURS = 8
SHARES = (0.0, 0.02, 0.1, 0.3, 1.0)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "nightly.md"


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """Requests, then time, then the table of users per night, which is written into docs/nightly.md."""
    yield _first_import(folder / "first")
    costs = _nights(folder / "nights")
    for kind, target in (("unchanged", 2.0), ("with one new play", 4.0), ("read in full", None)):
        name = f"requests for a user {kind}"
        yield Figure(name, statistics.mean(costs[kind]), unit="", target=target)
    yield _unchanged_run(folder / "run", rounds)
    yield from _machine(folder / "crowd")
    told = {kind: statistics.mean(values) for kind, values in costs.items()}
    full_share = len(costs["read in full"]) / (NIGHT_USERS * NIGHTS)
    _table(told, full_share)
    yield Figure(f"requests of one key in {HOURS} hours", _requests_of_a_night(), unit="")


def _first_import(folder: Path) -> Figure:
    heavy = crowd(1, movies=900, shows=120, plays=22_000)
    with World(folder, heavy) as world:
        world.night()
        rows = [
            (heavy[0].history, 250), (heavy[0].watched_movies, 250), (heavy[0].watched_shows, 100),
            (heavy[0].ratings, 250), (heavy[0].watchlist, 250), ([], 250), ([], 250),
        ]  # fmt: skip
        pages = 3 + sum(max(1, -(-len(list_) // limit)) for list_, limit in rows)
        return Figure(
            "requests of a first import of 22,000 plays", world.sandbox.count(), unit="", floor=pages,
            floor_is="the pages that the rows fill", ratio_target=1.05,
        )  # fmt: skip


def _nights(folder: Path) -> dict[str, list[int]]:
    """The requests of each user in each night, by what the night brought."""
    accounts = crowd(NIGHT_USERS)
    costs: dict[str, list[int]] = defaultdict(list)
    with World(folder, accounts) as world:
        world.night()
        for night in range(1, NIGHTS + 1):
            world.tomorrow()
            changed = set(world.change(CHANGED, night))
            for user in world.night()["users"]:
                full = world.was_read_in_full(user["user"])
                kind = "read in full" if full else "with one new play" if user["user"] in changed else "unchanged"
                costs[kind].append(user["requests"])
    return costs


def _unchanged_run(folder: Path, rounds: int) -> Figure:
    account = "heavy:plays=18000,movies=900,shows=120,collection_movies=0,collection_shows=0"
    with ground(folder, [account]) as here:
        here.call("run", "heavy")
        seconds = statistics.median(here.call("run", "heavy").seconds for _ in range(rounds))
    return Figure("run of an unchanged user, 18,000 plays", seconds, target=0.5)


def _machine(folder: Path) -> Iterator[Figure]:
    """A night of many users without a limit to wait for: the first is not counted, 2 % changed in the others."""
    with Crowded(folder, USERS) as here:
        names = folder / "quarter"
        names.write_text("\n".join(f"user-{number}" for number in range(USERS // 4)), encoding="utf-8")
        here.batch()
        here.change()
        quarter = here.batch("--users", str(names))
        whole = here.batch()
    yield Figure(f"users per second, {USERS:,} users, 2 % changed", USERS / whole.seconds, unit="/s")
    yield Figure("processor time of a user in that night", 1000 * whole.cpu / USERS, unit="ms")
    yield Figure(
        "peak memory of that night", whole.peak_mib, unit="MiB", floor=quarter.peak_mib, floor_is="a quarter of the users",
        ratio_target=1.25,
    )  # fmt: skip


def _requests_of_a_night() -> int:
    """How many requests the limiter lets out in a night, its clock running as fast as it can."""

    async def night() -> int:
        now, sent = [0.0], 0

        async def sleep(seconds: float) -> None:
            now[0] += seconds

        limiter = Limiter(Clock(lambda: now[0], sleep), 1e9, lambda seconds, reason: None)
        while True:
            await limiter.enter()
            if now[0] >= HOURS * 3600:
                return sent
            limiter.leave(None)
            sent += 1

    return asyncio.run(night())


def _table(costs: dict[str, float], full_share: float) -> None:
    """Put the table of users per night between its marks."""
    requests, again = _requests_of_a_night(), costs["read in full"]
    lines = [
        f"| changed since yesterday | requests per user | users in {HOURS} hours | a plain re-import of everybody |",
        "|---|---|---|---|",
    ]
    for share in SHARES:
        probed = (1 - share) * costs["unchanged"] + share * costs["with one new play"]
        mean = (1 - full_share) * probed + full_share * again
        lines.append(f"| {share:.0%} | {mean:.2f} | {requests / mean:,.0f} | {requests / again:,.0f} |")
    text = DOCS.read_text(encoding="utf-8")
    begin, end = "<!-- users per night -->\n", "<!-- end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    note = (
        f"\nMeasured over {NIGHT_USERS} users and {NIGHTS} nights: {costs['unchanged']:.2f} requests for an unchanged user, "
        f"{costs['with one new play']:.2f} with one new play, {again:.1f} for a full reading (a small profile), of which "
        f"{full_share:.1%} of the users had one each night. One key has {LIMIT} requests in {PERIOD:.0f} s: "
        f"{requests:,} in a night.\n"
    )
    DOCS.write_text(before + begin + "\n".join(lines) + "\n" + note + end + after, encoding="utf-8")
