"""Transform against 10,000,000 titles: 1,000 users of 2,000 items in one statement, and one of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.duck import open_duckdb, parquet, quoted
from pipeline.events import Extracted, ImportRequested
from pipeline.lookup import COLUMNS, look_up
from pipeline.storage import Storage
from stages.catalog.snapshot import write_snapshot
from stages.transform import Baseline, transform
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
        value, floor = _beside(storage, batch, copied, rounds)
        told = "a scan of the id columns of the snapshot" + (", and a COPY of the resolved rows" if copied else "")
        yield Figure(f"{what} against {TITLES:,} titles", value, floor=floor, floor_is=told, ratio_target=target)
    value, floor = _found(storage, users[0], rounds)
    told = "a scan of the id columns of the snapshot"
    yield Figure(f"looking up one user's titles among {TITLES:,}", value, floor=floor, floor_is=told, ratio_target=0.3)


def _found(storage: Storage, user: tuple[ImportRequested, Extracted], rounds: int) -> list[float]:
    """The seconds in which the titles of one user are found in the snapshot, and those of a scan."""
    request, _ = user
    with open_duckdb() as connection:
        outcomes = parquet(storage, ["resolved/outcomes/batch=batch/part-0.parquet"])
        connection.execute(f"create table wanted as from {outcomes} where run_id = {quoted(request.run_id)}")

        def find() -> None:
            if not look_up(connection, storage, "catalog/snapshot=1", "wanted"):
                raise RuntimeError("the snapshot was to be looked up in")
            connection.execute("drop table catalogue")

        find()
        return in_turns(
            rounds, lambda: seconds(find), lambda: seconds(lambda: connection.execute(_scan(storage)).fetchall())
        )


def _scan(storage: Storage) -> str:
    # A hash of each value, so that none is skipped for what the file's statistics say.
    snapshot = parquet(storage, ["catalog/snapshot=1/titles.parquet"])
    return f"select {', '.join(f'bit_xor(hash({name}))' for name in COLUMNS)} from {snapshot}"


def _beside(
    storage: Storage, users: Sequence[tuple[ImportRequested, Extracted]], copied: bool, rounds: int
) -> list[float]:
    """The seconds of a transform, and of its floor."""

    def ours() -> float:
        none = {event.run_id: Baseline() for _, event in users}
        return seconds(lambda: transform(users, none, storage=storage, snapshot="1", batch_id="batch", at=AT))

    ours()
    with open_duckdb() as connection:
        tables = BASELINES if copied else ()
        for table in tables:
            source = parquet(storage, [f"resolved/{table}/batch=batch/part-0.parquet"])
            connection.execute(f"create table resolved_{table} as from {source}")

        def plain() -> None:
            connection.execute(_scan(storage)).fetchall()
            for table in tables:
                target = quoted(storage.path(f"{table}.parquet"))
                connection.execute(f"copy resolved_{table} to {target} (format parquet)")

        return in_turns(rounds, ours, lambda: seconds(plain))
