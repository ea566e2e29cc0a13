"""Run the SQL files of this folder, in order, for one run or many, and write what they give."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.duck import copy_to, open_duckdb, parquet, run_script
from pipeline.errors import StorageError
from pipeline.events import Extracted, ImportRequested, Transformed
from pipeline.lookup import COLUMNS, IDS, look_up
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb

ENDPOINTS = (
    "watched_movies",
    "watched_shows",
    "history",
    "watchlist",
    "ratings",
    "collection_movies",
    "collection_shows",
    "watching",
)
ENTRIES = {
    "library_entries": "user_id, title_id",
    "season_entries": "user_id, title_id, season",
    "episode_entries": "user_id, title_id, season, episode",
}
KEYS = ENTRIES | {"watches": "user_id, history_id"}
BASELINES = (*KEYS, "outcomes")


@dataclass(frozen=True)
class Baseline:
    """What the database knows of a user before an import.

    `run_id` and `batch_id` name the resolved rows of the last import, None on a first one; `owned` are the
    `title_id`s that mode `new` leaves alone.
    """

    run_id: str | None = None
    batch_id: str | None = None
    owned: tuple[str, ...] = ()


def transform(
    extracted: Sequence[tuple[ImportRequested, Extracted]],
    baselines: Mapping[str, Baseline],
    *,
    storage: Storage,
    snapshot: str,
    batch_id: str,
    at: str,
) -> list[Transformed]:
    """Resolve the pictures of all these runs at once; `baselines` by run id.

    Writes `resolved/<table>/batch=<batch_id>/part-0.parquet` for the four entry tables, `outcomes` and
    `added_titles`. Raises `StorageError` where a file that the picture needs is not there.
    """
    # Runs are numbered in the order of their users: to sort rows by `run` is to sort them by `user_id`, and quicker.
    ordered = sorted(extracted, key=lambda each: each[1].user_id)
    with open_duckdb() as connection:
        _runs(connection, ordered, baselines)
        _pages(connection, storage, [event for _, event in ordered])
        run_script(connection, __package__, "macros")
        for name in ("facts", "seen"):
            run_script(connection, __package__, name)
        _resolve(connection, storage, f"catalog/snapshot={snapshot}")
        run_script(connection, __package__, "entries")
        _baselines(connection, storage, baselines)
        run_script(connection, __package__, "carry")
        for table, key in ENTRIES.items():
            run_script(connection, __package__, "carry_entries", table=table, key=_within(key))
        for table in (*BASELINES, "added_titles"):
            _write(connection, storage, table, batch_id)
        rows = {table: _count(connection, storage, table, batch_id) for table in KEYS}
    return [
        Transformed(
            run_id=event.run_id,
            at=at,
            batch_id=batch_id,
            catalog_snapshot=snapshot,
            rows={table: rows[table].get(event.run_id, 0) for table in KEYS},
        )
        for _, event in extracted
    ]


def _runs(
    connection: duckdb.DuckDBPyConnection,
    extracted: Sequence[tuple[ImportRequested, Extracted]],
    baselines: Mapping[str, Baseline],
) -> None:
    import pyarrow as pa

    def told(columns: Mapping[str, pa.DataType], rows: Sequence[tuple[object, ...]]) -> pa.Table:
        values = zip(*rows, strict=True) if rows else ((),) * len(columns)
        return pa.table({name: pa.array(part, columns[name]) for name, part in zip(columns, values, strict=True)})

    runs, owned = [], []
    for number, (request, event) in enumerate(extracted):
        base = baselines.get(event.run_id, Baseline())
        known = (event.user_id, event.trakt_slug, event.at, request.add_missing)
        runs.append((number, event.run_id, *known, base.run_id, base.batch_id))
        owned += [(number, title_id) for title_id in base.owned]
    text, whole = pa.string(), pa.int64()
    columns = {"run": whole, "run_id": text, "user_id": text, "trakt_slug": text, "started_at": text}
    columns |= {"add_missing": pa.bool_(), "base_run_id": text, "base_batch_id": text}
    connection.register("told_runs", told(columns, runs))
    connection.register("told_owned", told({"run": whole, "title_id": text}, owned))
    connection.execute("create table runs as select * replace (started_at::timestamptz as started_at) from told_runs")
    connection.execute("create table owned as from told_owned")


def _pages(connection: duckdb.DuckDBPyConnection, storage: Storage, extracted: Sequence[Extracted]) -> None:
    """The files of all pictures, and which runs stand on each: the order of a run's files is that of its requests."""
    import duckdb
    import pyarrow as pa

    run_script(connection, __package__, "shapes")
    names: dict[str, list[str]] = {endpoint: [] for endpoint in ENDPOINTS}
    runs: dict[str, list[object]] = {"endpoint": [], "file": [], "run": [], "place": []}
    for endpoint, files in names.items():
        known: dict[tuple[str, str], range] = {}
        for number, event in enumerate(extracted):
            for place, run_id in enumerate(event.inputs.get(endpoint, ())):
                if (event.trakt_slug, run_id) not in known:
                    start = len(files)
                    files += _staged(storage, endpoint, event.trakt_slug, run_id)
                    known[event.trakt_slug, run_id] = range(start, len(files))
                for file in known[event.trakt_slug, run_id]:
                    for column, value in zip(runs.values(), (endpoint, file, number, place), strict=True):
                        column.append(value)
    types = {"endpoint": pa.string(), "file": pa.uint64(), "run": pa.int64(), "place": pa.int64()}
    connection.register("files", pa.table({name: pa.array(runs[name], kind) for name, kind in types.items()}))

    def read(endpoint: str, complete: bool) -> str:
        if not names[endpoint]:
            return f"no_{endpoint}"
        rows = f"select *, file_index, file_row_number from {parquet(storage, names[endpoint], alike=not complete)}"
        return f"(from no_{endpoint} union all by name {rows})" if complete else f"({rows})"

    try:
        run_script(connection, __package__, "pages", **{endpoint: read(endpoint, False) for endpoint in names})
    except duckdb.BinderException:
        # Files of an older version, which lack a column. Not the usual way: it reads every file twice.
        run_script(connection, __package__, "pages", **{endpoint: read(endpoint, True) for endpoint in names})


def _staged(storage: Storage, endpoint: str, slug: str, run_id: str) -> list[str]:
    """The files of one read; an empty answer has left one, too: without any, all that it held would look gone."""
    files = storage.staged(endpoint, slug, run_id)
    if not files:
        raise StorageError(
            f"{endpoint} of {slug}, as run {run_id} read it, is not there", f"Run: trakt-import run {slug} --full"
        )
    return files


def _resolve(connection: duckdb.DuckDBPyConnection, storage: Storage, folder: str) -> None:
    """Make `trakt_titles`: from what the Trakt ids find, and, for what that does not settle, from what any id finds."""
    connection.execute(
        f"create view ambiguous_titles as from {parquet(storage, [f'{folder}/ambiguous_titles.parquet'])}"
    )
    _catalogue(connection, storage, folder, "seen", ("trakt_id",))
    run_script(connection, __package__, "agree")
    _catalogue(connection, storage, folder, "unsettled", IDS)
    run_script(connection, __package__, "resolve")


def _catalogue(
    connection: duckdb.DuckDBPyConnection, storage: Storage, folder: str, wanted: str, ids: Collection[str]
) -> None:
    """Make `catalogue`: of a snapshot, every row that bears one of these `ids` of the relation `wanted`; maybe more."""
    looked_up = look_up(connection, storage, folder, wanted, ids)
    titles = "looked_up" if looked_up else parquet(storage, [f"{folder}/titles.parquet"])
    connection.execute(f"create or replace view catalogue as select {', '.join(COLUMNS)} from {titles}")


def _baselines(connection: duckdb.DuckDBPyConnection, storage: Storage, baselines: Mapping[str, Baseline]) -> None:
    """What each run's last import left: its resolved rows, without those that it left alone, moved away or pruned."""
    batches = sorted({base.batch_id for base in baselines.values() if base.batch_id})

    def files(kind: str, table: str) -> list[str]:
        names = [f"{kind}/{table}/batch={batch}/part-0.parquet" for batch in batches]
        return [name for name in names if storage.exists(name)]

    for table in BASELINES:
        marks = ("carried", "gone", "moved", "left_alone") if table in KEYS else ()
        extra = ", ".join(f"false as {mark}" for mark in marks) or "null::varchar as last_title_id"
        query = f"select *, {extra} from {table} where false"
        resolved, before = files("resolved", table), files("before", table)
        if resolved:
            described = connection.execute(f"describe {query}").fetchall()
            columns = ", ".join(f'b."{name}"' for name, *_ in described if name != "run")
            where = "not (b.left_alone or b.moved)" if table in KEYS else "true"
            if before:
                same = " and ".join(f"d.{name} = b.{name}" for name in ("run_id", *KEYS[table].split(", ")))
                where += f" and not exists (from {parquet(storage, before)} as d where d.fate = 'delete' and {same})"
            query = (
                f"select r.run, {columns} "
                f"from ({query} union all by name from {parquet(storage, resolved)}) as b "
                f"join runs as r on r.base_run_id = b.run_id where {where}"
            )
        connection.execute(f"create view baseline_{table} as {query}")


def _write(connection: duckdb.DuckDBPyConnection, storage: Storage, table: str, batch_id: str) -> None:
    if table == "added_titles":
        query = (
            'select t.title_id, t.kind::varchar as kind, t.name, t."year", t.trakt_id, t.imdb_id, t.tmdb_id, t.tvdb_id, '
            "t.aired_episodes, r.trakt_slug, r.run_id "
            "from title_facts as t join runs as r using (run) where t.added order by title_id"
        )
    else:
        # Named once they are in order: to carry three texts of each row through the sort is not cheap.
        user_id, slug, run_id = (
            f"(select list({name} order by run) from runs)[t.run + 1] as {name}"
            for name in ("user_id", "trakt_slug", "run_id")
        )
        key = "run, title" if table == "outcomes" else _within(KEYS[table])
        query = (
            f"select {user_id}, t.* exclude (run), {slug}, {run_id} from (from resolved_{table} order by {key}) as t"
        )
    copy_to(connection, storage, query, f"resolved/{table}/batch={batch_id}/part-0.parquet")


def _within(key: str) -> str:
    """A key as transform's tables have it: runs stand for their users."""
    return key.replace("user_id", "run")


def _count(connection: duckdb.DuckDBPyConnection, storage: Storage, table: str, batch_id: str) -> dict[str, int]:
    """The rows of each run, as they were written."""
    file = parquet(storage, [f"resolved/{table}/batch={batch_id}/part-0.parquet"])
    return dict(connection.execute(f"select run_id, count(*) from {file} group by run_id").fetchall())
