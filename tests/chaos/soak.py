"""The soak: many accounts, each with faults of its own, two processes at work that are killed again and again.

In the end every library must equal that of a server without faults, row by row, that one must hold whatever the
accounts were given, and no request may have come beyond the limit. Nothing is left out of the comparison: whatever the
faults hide can be found by what else Trakt shows.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from tests.chaos.forks import KILLED, WORKERS, Ended, Progress, Server, in_child, load_program, side_by_side
from tests.chaos.points import Points
from tests.chaos.scenes import TABLES, environment, must, rows_of, run_in, write_catalogue
from tests.chaos.seeded import missing
from tests.databases import SQLiteFile
from tests.sandbox.accounts import Account, make_account
from tests.sandbox.faults import Action, Faults

LIMIT, PERIOD = 500, 15.0
MOST_TRIES = 40
# So many points a call passes at most before it is killed; a small import has about 150.
FARTHEST = 400
PASSING = (KILLED, 6, 7)
ENDPOINTS = (
    "profile",
    "stats",
    "history",
    "watched_movies",
    "watched_shows",
    "watchlist",
    "collection",
    "ratings",
    "watching",
)
ACTIONS: tuple[Action, ...] = (
    500, 502, 503, 504, 520, 521, 522, 429, "429-bare", "403html", "drop", "cut", "truncated", "html200", "trickle:0.002",
)  # fmt: skip


Rows = dict[str, list[tuple[Any, ...]]]


def accounts(count: int, faulty: bool) -> list[Account]:
    """Small accounts; `faulty` gives each some faults, the same every time."""
    made = []
    for number in range(count):
        rng = random.Random(number)
        account = make_account(
            f"user-{number}",
            seed=number,
            movies=rng.randint(0, 12),
            shows=rng.randint(1, 4),
            plays=rng.randint(20, 400),
            odd=number % 3 == 0,
        )
        if faulty:
            account.faults = _faults(rng)
        made.append(account)
    return made


def _faults(rng: random.Random) -> Faults:
    faults = Faults(fail={name: rng.choices(ACTIONS, k=rng.randint(1, 2)) for name in rng.sample(ENDPOINTS, 3)})
    if rng.random() < 0.3:
        faults.page_lag = {"history": rng.randint(1, 2)}
    if rng.random() < 0.3:
        faults.empty_page = {"history": 1, "ratings": 1}
    if rng.random() < 0.2:
        faults.duplicate_rows = {"ratings": 1}
    if rng.random() < 0.2:
        faults.no_pagination_headers = True
    return faults


def work(folder: Path, count: int, kills: bool, number: int) -> Iterator[dict[str, Any]]:
    """Import every `WORKERS`th account, however often it takes; how the calls for each ended."""
    rng = random.Random(number)
    for user in range(number, count, WORKERS):
        endings: Counter[str] = Counter()
        for _ in range(MOST_TRIES):
            ended = _call(folder / f"told-{number}.json", rng.randint(1, FARTHEST) if kills else None, f"user-{user}")
            endings["killed" if ended.code == KILLED else f"exit {ended.code}"] += 1
            if ended.code not in PASSING:
                break
        lost = "" if ended.code == 0 else f"user-{user} ended with {ended.code}: {ended.err[-600:]}"
        yield {"endings": endings, "lost": lost}


def _call(told: Path, target: int | None, user: str) -> Ended:
    points = Points(target and ("", target))
    return in_child(lambda: (run_in(told.parent, points, "-q", "run", user), None), told)


@click.command()
@click.option("--accounts", "count", default=200, show_default=True, help="So many users.")
@click.option("--kills/--no-kills", default=True, show_default=True, help="Kill the processes at random points.")
@click.option("--faults/--no-faults", default=True, show_default=True, help="Let the server misbehave.")
def main(count: int, kills: bool, faults: bool) -> None:
    """Soak, compare, print the figures; exit 1 where anything is lost."""
    load_program()
    with tempfile.TemporaryDirectory() as name:
        calm = _import(Path(name, "calm"), count, kills=False, faulty=False)
        storm = _import(Path(name, "storm"), count, kills=kills, faulty=faults)
    different = list(differences(calm["rows"], storm["rows"], {one.slug: one for one in accounts(count, faults)}))
    looked, nowhere = calm["given"]
    for line in different + nowhere:
        print(f"  LOST: {line}")
    endings = ", ".join(f"{how} {times:,} times" for how, times in sorted(storm["endings"].items()))
    print(f"{count} accounts, {sum(map(len, storm['rows'].values())):,} rows; calls: {endings}")
    print(f"{storm['requests']:,} requests, {storm['beyond']} beyond the limit")
    print(f"{looked:,} facts that the accounts were given, {len(nowhere)} missing without faults")
    losses = len(different) + len(nowhere) + calm["lost"] + storm["lost"]
    print(f"{count} users tried, {losses} losses")
    sys.exit(1 if losses or storm["beyond"] else 0)


def _import(folder: Path, count: int, *, kills: bool, faulty: bool) -> dict[str, Any]:
    folder.mkdir()
    options: dict[str, Any] = {"limit": LIMIT, "period": PERIOD} if faulty else {}
    server = Server(partial(accounts, count, faulty), **options)
    progress = Progress(
        f"users, {'with' if kills else 'without'} kills, {'with' if faulty else 'without'} faults", count
    )
    found: dict[str, Any] = {"endings": Counter(), "lost": 0}
    try:
        os.environ.update(environment(folder, server.url) | {"TRAKT_PATIENCE": "30"})
        write_catalogue(folder / "catalogue.csv", accounts(count, False))
        load = partial(run_in, folder, Points(), "catalog", "load", str(folder / "catalogue.csv"))
        must(in_child(lambda: (load(), None), folder / "told.json"))
        for user in side_by_side(partial(work, folder, count, kills)):
            found["endings"] += Counter(user["endings"])
            if user["lost"]:
                found["lost"] += 1
                print(f"  LOST: {user['lost']}", flush=True)
            progress.step()
        print(f"  {progress}", flush=True)
    finally:
        found |= server.stop()
    found["rows"] = rows_of(SQLiteFile(folder / "app.db"))
    if not faulty:
        found["given"] = missing(accounts(count, False), folder)
    shutil.rmtree(folder)
    return found


def differences(calm: Rows, storm: Rows, users: Mapping[str, Account]) -> Iterator[str]:
    """A line for each user whose rows differ: what is missing and what is there instead, by table, and the faults."""
    changed: dict[str, list[str]] = defaultdict(list)
    for table in TABLES:
        missing, other = _by_user(set(calm[table]) - set(storm[table])), _by_user(set(storm[table]) - set(calm[table]))
        for user in sorted({*missing, *other}):
            gone, came = sorted(missing[user], key=repr), sorted(other[user], key=repr)
            changed[user].append(f"{table}: {len(gone)} missing, such as {gone[:1]}; {len(came)} instead: {came[:1]}")
    for user, tables in changed.items():
        account = users[user]
        held = f"{len(account.history)} plays, odd: {', '.join(account.odd) or 'nothing'}; {account.faults}"
        yield f"{user}: {'; '.join(tables)} ({held})"


def _by_user(rows: set[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


if __name__ == "__main__":
    main()
