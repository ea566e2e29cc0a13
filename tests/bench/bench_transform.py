"""Transform against 10,000,000 titles: 1,000 users of 2,000 items in one statement, and one of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from pipeline.duck import open_duckdb, parquet, quoted
from pipeline.events import Extracted, ImportRequested
from pipeline.lookup import COLUMNS
from pipeline.storage import Storage
from stages.catalog.snapshot import write_snapshot
from stages.transform import Baseline, stage, transform
from stages.transform.stage import BASELINES
from tests.bench.figures import Figure, in_turns, seconds
from tests.bench.staged import AT, stage_users, titles

TITLES, USERS, ITEMS = 10_000_000, 1_000, 2_000


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """The crowd in one statement, and one user."""
    storage = Storage(folder)
    with open_duckdb() as connection:
        connection.execute(f"create view titles as {titles(TITLES)}")
        write_snapshot(connection, storage, "1")
        users = stage_users(connection, storage, count=TITLES, users=USERS, items=ITEMS)
    for what, batch, copied, target in (
        (f"{USERS:,} users × {ITEMS:,}", users, True, 2.0),
        (f"one user × {ITEMS:,}", users[:1], False, 0.3),
    ):
        value, floor, found, scanned = _beside(storage, batch, copied, rounds)
        scan = "a scan of the id columns of the snapshot"
        told = scan + (", and a COPY of the resolved rows" if copied else "")
        yield Figure(f"{what} against {TITLES:,} titles", value, floor=floor, floor_is=told, ratio_target=target)
        goal = None if copied else target
        yield Figure(f"{what}: to find their titles", found, floor=scanned, floor_is=scan, ratio_target=goal)


def _scan(storage: Storage) -> str:
    # A hash of each value, so that none is skipped for what the file's statistics say.
    snapshot = parquet(storage, ["catalog/snapshot=1/titles.parquet"])
    return f"select {', '.join(f'bit_xor(hash({name}))' for name in COLUMNS)} from {snapshot}"


def _beside(
    storage: Storage, users: Sequence[tuple[ImportRequested, Extracted]], copied: bool, rounds: int
) -> list[float]:
    """The seconds of a transform and of its floor; then those in which it resolved, and of the scan alone."""
    finding: list[float] = []
    scanning: list[float] = []
    resolve = stage._resolve

    def timed(*arguments: Any) -> None:
        finding.append(seconds(lambda: resolve(*arguments)))

    def ours() -> float:
        none = {event.run_id: Baseline() for _, event in users}
        with patch.object(stage, "_resolve", timed):
            return seconds(lambda: transform(users, none, storage=storage, snapshot="1", batch_id="batch", at=AT))

    ours()
    finding.clear()
    with open_duckdb() as connection:
        tables = BASELINES if copied else ()
        for table in tables:
            source = parquet(storage, [f"resolved/{table}/batch=batch/part-0.parquet"])
            connection.execute(f"create table resolved_{table} as from {source}")

        def plain() -> None:
            scanning.append(seconds(lambda: connection.execute(_scan(storage)).fetchall()))
            for table in tables:
                target = quoted(storage.path(f"{table}.parquet"))
                connection.execute(f"copy resolved_{table} to {target} (format parquet)")

        both = in_turns(rounds, ours, lambda: seconds(plain))
    return [*both, median(finding), median(scanning)]
