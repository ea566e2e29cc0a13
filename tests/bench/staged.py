"""Users whose pages lie staged without a server: items as Trakt sends them, of a catalogue of invented titles."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager
from unittest.mock import patch

import duckdb

from pipeline.events import Extracted, ImportRequested
from pipeline.run import new_run_id
from pipeline.storage import Storage
from stages.extract.endpoints import ENDPOINTS
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.staging import stage
from stages.extract.understanding import understand

AT = "2026-11-25T03:00:00Z"


def titles(count: int) -> str:
    """So many titles as a query; their ids are scattered as real ones are: no neighbours here are neighbours there."""
    return f"""
        select i, 't-' || i as title_id, if(i % 2 = 0, 'movie', 'show') as kind, 'Title ' || i as name, 1950 + i % 76 as "year",
            (i * 7919) % {2 * count + 1} + 1 as trakt_id,
            if(i % 10 = 0, null, 'tt' || (10_000_000 + (i * 104729) % {3 * count + 1})) as imdb_id,
            if(i % 5 = 0, null, (i * 15485863) % {2 * count + 7} + 1) as tmdb_id,
            if(i % 2 = 0, null, (i * 32452843) % {count + 11} + 1) as tvdb_id,
            if(i % 2 = 0, null, 1 + i % 90) as aired_episodes
        from range({count}) as t(i)
    """


def unsynced() -> AbstractContextManager[object]:
    """What is only made ready here is not worth a wait for the disk."""
    return patch("os.fsync")


# Half of the items are watched titles, a quarter ratings, a quarter list entries.
PICTURE = """
    with chosen as (
        select user_number, item, hash(user_number, item) % {count} as i
        from range({users}) as u(user_number), range({items}) as c(item)
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
                when 0 then json_object('rated_at', moment, 'rating', 1 + item % 10, 'type', kind, kind, title)
                when 1 then json_object('id', item, 'rank', item, 'listed_at', moment, 'type', kind, kind, title)
                else json_object('plays', 1, 'last_watched_at', moment, 'last_updated_at', moment, kind, title,
                    'seasons', [{{'number': 1, 'episodes': [{{'number': 1, 'plays': 1, 'last_watched_at': moment}}]}}])
            end
            order by item
        ) as items
    from items
    group by all
"""


def stage_users(
    connection: duckdb.DuckDBPyConnection, storage: Storage, *, count: int, users: int, items: int
) -> list[tuple[ImportRequested, Extracted]]:
    """Stage the pages of so many users of so many items each; what their runs asked for and read.

    `connection` has the relation `titles` of that `count`.
    """
    endpoints = {endpoint.name: endpoint for endpoint in ENDPOINTS}
    runs = [new_run_id() for _ in range(users)]
    inputs: list[dict[str, tuple[str, ...]]] = [{} for _ in runs]
    came = dt.datetime.fromisoformat(AT)
    with unsynced():
        for batch in connection.sql(PICTURE.format(count=count, users=users, items=items)).to_arrow_reader(1000):
            for user, name, texts in zip(*batch.to_pydict().values(), strict=True):
                raw = [text.encode() for text in texts]
                source = Source(storage, f"user-{user}", runs[user])
                request = Request(Asked(page=1), Told(items=len(raw)))
                stage(endpoints[name], 1, request, raw, understand(endpoints[name], raw), came, source)
                inputs[user][name] = (runs[user],)
    return [_read(f"user-{user}", run_id, inputs[user]) for user, run_id in enumerate(runs)]


def _read(slug: str, run_id: str, inputs: dict[str, tuple[str, ...]]) -> tuple[ImportRequested, Extracted]:
    return (
        ImportRequested(run_id=run_id, at=AT, user=slug),
        Extracted(
            run_id=run_id,
            at=AT,
            user_id=slug,
            trakt_username=slug,
            trakt_slug=slug,
            trakt_user_id=None,
            inputs=inputs,
            endpoints={},
        ),
    )
