"""Transform against 10,000,000 titles: 1,000 users of 2,000 items in one statement, and one of them alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.duck import open_duckdb, parquet, quoted
from pipeline.events import Extracted, ImportRequested
from pipeline.lookup import COLUMNS
from pipeline.storage import Storage
from stages.catalog.snapshot import write_snapshot
from stages.extract.endpoints import ENDPOINTS
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.staging import stage
from stages.extract.understanding import understand
from stages.transform import Baseline, transform
from stages.transform.stage import BASELINES
from tests.bench.figures import Figure, in_turns, seconds

TITLES, USERS, ITEMS = 10_000_000, 1_000, 2_000
AT = "2026-11-25T03:00:00Z"
# Scattered as real ids are: of neighbours in one order, no two are neighbours in another.
CATALOGUE = f"""
    select i, 't-' || i as title_id, if(i % 2 = 0, 'movie', 'show') as kind, 'Title ' || i as name, 1950 + i % 76 as "year",
        (i * 7919) % {2 * TITLES + 1} + 1 as trakt_id,
        if(i % 10 = 0, null, 'tt' || (10_000_000 + (i * 104729) % {3 * TITLES + 1})) as imdb_id,
        if(i % 5 = 0, null, (i * 15485863) % {2 * TITLES + 7} + 1) as tmdb_id,
        if(i % 2 = 0, null, (i * 32452843) % {TITLES + 11} + 1) as tvdb_id,
        if(i % 2 = 0, null, 1 + i % 90) as aired_episodes
    from range({TITLES}) as t(i)
"""
# A user's items as Trakt sends them: half of them watched, a quarter rated, a quarter listed.
PICTURE = f"""
    with chosen as (
        select user_number, item, hash(user_number, item) % {TITLES} as i
        from range({USERS}) as u(user_number), range({ITEMS}) as c(item)
    ),
    items as (
        select user_number, item, kind, '2026-01-01T20:00:00.000Z' as moment,
            {{'title': name, 'year': "year", 'aired_episodes': aired_episodes,
              'ids': {{'trakt': trakt_id, 'slug': 'x', 'imdb': imdb_id, 'tmdb': tmdb_id, 'tvdb': tvdb_id}}}} as title
        from chosen join titles using (i)
    )
    select user_number,
        case item % 4 when 0 then 'ratings' when 1 then 'watchlist' else 'watched_' || kind || 's' end as endpoint,
        list(
            case item % 4
                when 0 then to_json({{'rated_at': moment, 'rating': 1 + item % 10, 'type': kind, 'movie': title, 'show': title}})
                when 1 then to_json({{'id': item, 'rank': item, 'listed_at': moment, 'type': kind, 'movie': title, 'show': title}})
                else to_json({{'plays': 1, 'last_watched_at': moment, 'last_updated_at': moment, 'movie': title, 'show': title,
                    'seasons': [{{'number': 1, 'episodes': [{{'number': 1, 'plays': 1, 'last_watched_at': moment}}]}}]}})
            end
            order by item
        ) as items
    from items
    group by all
"""


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    """The crowd in one statement, and one user."""
    storage = Storage(folder)
    users = _stage(storage)
    for what, batch, copied, target in (
        (f"{USERS:,} users, {ITEMS:,} items each", users, True, 2.0),
        (f"one user, {ITEMS:,} items", users[:1], False, 0.3),
    ):
        value, floor = _beside(storage, batch, copied, rounds)
        told = "a scan of the id columns of the snapshot" + (", and a COPY of the resolved rows" if copied else "")
        yield Figure(
            f"transform against {TITLES:,} titles, {what}", value, floor=floor, floor_is=told, ratio_target=target
        )


def _stage(storage: Storage) -> list[tuple[ImportRequested, Extracted]]:
    """The snapshot, and everybody's pages."""
    endpoints = {endpoint.name: endpoint for endpoint in ENDPOINTS}
    inputs: dict[int, list[str]] = {}
    with open_duckdb() as connection:
        connection.execute(f"create view titles as {CATALOGUE}")
        write_snapshot(connection, storage, "1")
        rows = connection.sql(PICTURE).to_arrow_reader(1000)
        came = dt.datetime.fromisoformat(AT)
        for batch in rows:
            for user, endpoint, items in zip(*batch.to_pydict().values(), strict=True):
                source = Source(storage, f"user-{user}", f"run-{user}")
                request = Request(Asked(page=1), Told(items=len(items)))
                raw = [item.encode() for item in items]
                stage(endpoints[endpoint], 1, request, raw, understand(endpoints[endpoint], raw), came, source)
                inputs.setdefault(user, []).append(endpoint)
    return [
        (
            ImportRequested(run_id=f"run-{user}", at=AT, user=f"user-{user}"),
            Extracted(
                run_id=f"run-{user}",
                at=AT,
                user_id=f"user-{user}",
                trakt_username=f"user-{user}",
                trakt_slug=f"user-{user}",
                trakt_user_id=None,
                inputs={endpoint: (f"run-{user}",) for endpoint in inputs[user]},
                endpoints={},
            ),
        )
        for user in range(USERS)
    ]


def _beside(
    storage: Storage, users: Sequence[tuple[ImportRequested, Extracted]], copied: bool, rounds: int
) -> list[float]:
    """The seconds of a transform, and of its floor."""

    def ours() -> float:
        none = {event.run_id: Baseline() for _, event in users}
        return seconds(lambda: transform(users, none, storage=storage, snapshot="1", batch_id="batch", at=AT))

    ours()
    snapshot = parquet(storage, ["catalog/snapshot=1/titles.parquet"])
    # A hash of each value, so that none is skipped for what the file's statistics say.
    scan = f"select {', '.join(f'bit_xor(hash({name}))' for name in COLUMNS)} from {snapshot}"
    with open_duckdb() as connection:
        tables = BASELINES if copied else ()
        for table in tables:
            source = parquet(storage, [f"resolved/{table}/batch=batch/part-0.parquet"])
            connection.execute(f"create table resolved_{table} as from {source}")

        def plain() -> None:
            connection.execute(scan).fetchall()
            for table in tables:
                target = quoted(storage.path(f"{table}.parquet"))
                connection.execute(f"copy resolved_{table} to {target} (format parquet)")

        return in_turns(rounds, ours, lambda: seconds(plain))
