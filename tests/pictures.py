"""Small pictures for the rules: items as Trakt sends them, staged through extract's own door, and what transform gives."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.events import Extracted, ImportRequested, Transformed
from pipeline.storage import Storage
from stages.catalog.snapshot import write_snapshot
from stages.extract.endpoints import ENDPOINTS
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.staging import stage
from stages.extract.understanding import understand
from stages.transform import Baseline, transform

AT = "2026-06-01T12:00:00Z"
TABLES = ("library_entries", "season_entries", "episode_entries", "watches", "outcomes")
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
CATALOGUE = pa.schema(
    [(name, pa.string()) for name in ("title_id", "kind", "name")]
    + [("year", pa.int64()), ("trakt_id", pa.int64()), ("imdb_id", pa.string())]
    + [(name, pa.int64()) for name in ("tmdb_id", "tvdb_id", "aired_episodes")]
)
Json = dict[str, Any]


def movie(trakt: Any = None, title: str | None = "A Movie", year: int | None = 2001, **ids: Any) -> Json:
    """`{"movie": …}`, to be joined with the rest of an item."""
    return {"movie": {"title": title, "year": year, "ids": {"trakt": trakt, "slug": "x", **ids}}}


def show(
    trakt: Any = None, title: str | None = "A Show", year: int | None = 2001, aired: int | None = None, **ids: Any
) -> Json:
    """`{"show": …}`; `aired` as `aired_episodes` where given."""
    extra = {} if aired is None else {"aired_episodes": aired}
    return {"show": {"title": title, "year": year, "ids": {"trakt": trakt, "slug": "x", **ids}, **extra}}


def seasons(episodes: dict[tuple[int, int], Json]) -> Json:
    """`{"seasons": …}` from (season, episode) to what is told of the episode."""
    numbers = sorted({season for season, _ in episodes})
    return {
        "seasons": [
            {"number": s, "episodes": [{"number": e, **told} for (which, e), told in episodes.items() if which == s]}
            for s in numbers
        ]
    }


def title(title_id: str, kind: str = "movie", **columns: Any) -> Json:
    """A row of the catalogue; ids as `trakt_id=`, `imdb_id=` …"""
    return {name: None for name in CATALOGUE.names} | {"title_id": title_id, "kind": kind, "name": title_id} | columns


class World:
    """A folder with a catalogue, to which users' pictures are added; then everything is transformed at once."""

    def __init__(self, folder: Path, catalogue: list[Json]) -> None:
        self.storage = Storage(folder)
        self.users: list[tuple[ImportRequested, Extracted]] = []
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.register("titles", pa.Table.from_pylist(catalogue, CATALOGUE))
            write_snapshot(connection, self.storage, "1")

    def add(
        self,
        slug: str,
        picture: dict[str, list[list[list[Any]]]],
        *,
        add_missing: bool = False,
        arrival: list[int] | None = None,
    ) -> str:
        """Stage a picture (see `tests/oracle.py`); `arrival` is the second in which each answer came. The run's id."""
        run_id = f"run-of-{slug}"
        inputs = {}
        for name, reads in picture.items():
            runs = [f"{slug}-{name}-{place}" for place in range(len(reads))]
            inputs[name] = tuple(run for run, answers in zip(runs, reads, strict=True) if answers)
            for read_by, answers in zip(runs, reads, strict=True):
                source = Source(self.storage, slug, read_by)
                for number, items in enumerate(answers, 1):
                    raw = [json.dumps(item).encode() for item in items]
                    came = dt.datetime(
                        2026, 6, 1, 12, 0, arrival[number - 1] if arrival else number % 60, tzinfo=dt.UTC
                    )
                    request = Request(Asked(page=number), Told(items=len(items)))
                    stage(BY_NAME[name], number, request, raw, understand(BY_NAME[name], raw), came, source)
        request = ImportRequested(run_id=run_id, at=AT, user=slug, add_missing=add_missing)
        extracted = Extracted(
            run_id=run_id,
            at=AT,
            user_id=f"user {slug}",
            trakt_username=slug,
            trakt_slug=slug,
            trakt_user_id=None,
            inputs=inputs,
            endpoints={},
        )
        self.users.append((request, extracted))
        return run_id

    def drop_column(self, endpoint: str, column: str) -> None:
        """Make the staged files of an endpoint those of a version that did not know a column."""
        for path in Path(self.storage.path(f"staged/{endpoint}")).rglob("*.parquet"):
            pq.write_table(pq.read_table(path, partitioning=None).drop_columns([column]), path)

    def transform(self, baselines: dict[str, Baseline] | None = None) -> list[Transformed]:
        """Everybody's picture, in one batch."""
        return transform(self.users, baselines or {}, storage=self.storage, snapshot="1", batch_id="batch", at=AT)

    def rows(self, table: str, run_id: str | None = None) -> list[Json]:
        """What transform wrote into `resolved/<table>`, of one run or of all."""
        path = self.storage.path(f"resolved/{table}/batch=batch/part-0.parquet")
        rows = pq.read_table(path, partitioning=None).to_pylist()
        return [row for row in rows if run_id in (None, row["run_id"])]


def transformed(
    folder: Path, picture: dict[str, list[Any]], catalogue: list[Json], **options: Any
) -> dict[str, list[Json]]:
    """The tables of one user, from `{endpoint: [item, …]}`: one read of one answer each."""
    world = World(folder, catalogue)
    world.add("otter", {name: [[items]] for name, items in picture.items()}, **options)
    world.transform()
    return {table: world.rows(table) for table in TABLES}
