"""DuckDB over everything under `DATA_URL`, read-only: a view for each dataset, the newest pictures, ready-made ones.

The files are handed to DuckDB as Arrow datasets, listed when the connection is opened; DuckDB itself is denied every
file system, so that no statement can read or write anything else, and its configuration is locked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING

from pipeline.duck import new_connection
from pipeline.lake.pictures import Picture, every_event, pictures
from pipeline.meanings import CATALOGUE, DATASETS, LOADED, RESOLVED, STAGED
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    import pyarrow.dataset as ds

MOVIE = "coalesce('trakt:' || movie.ids.trakt, 'imdb:' || movie.ids.imdb, 'tmdb:' || movie.ids.tmdb)"
SHOW = (
    """coalesce('trakt:' || "show".ids.trakt, 'imdb:' || "show".ids.imdb, 'tmdb:' || "show".ids.tmdb, """
    """'tvdb:' || "show".ids.tvdb)"""
)
PART = f"""type, {MOVIE}, {SHOW}, coalesce(season.number, episode.season), episode.number"""
# What tells rows of an endpoint apart, and the row's own date: of two with one key, the later read wins, then the
# newer date, then the later place. The same rule as transform's.
LATEST = {
    "profile": ("true", "null"),
    "stats": ("true", "null"),
    "watching": ("true", "null"),
    "watched_movies": (MOVIE, "last_updated_at"),
    "watched_shows": (SHOW, "last_updated_at"),
    "history": ("id", "null"),
    "watchlist": (PART, "listed_at"),
    "ratings": (PART, "rated_at"),
    "collection_movies": (MOVIE, "updated_at"),
    "collection_shows": (SHOW, "last_updated_at"),
    "rejected": ("f.endpoint, parent, path, raw", "null"),
}
OTHERS = {
    "events": "Every event of every run, as its journal tells it; `body` is the event as JSON.",
    "views": "The views there are.",
}
LOCKED = (
    "set temp_directory = ''",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set allow_community_extensions = false",
    "set enable_external_access = false",
    "set lock_configuration = true",
)
# SQL that asks what there is: then all of it must be there.
LISTING = re.compile(r"(^|;)\s*(show|pragma)\b|information_schema|duckdb_(views|tables|columns)|sqlite_master")


def connect(data_url: str | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection to the files under `data_url` (default: the setting `DATA_URL`), with every view.

    It shows the files that were there when it was opened. Raises `ConfigurationError` or `StorageError`.
    """
    if data_url is None:
        from pipeline.settings import load_settings

        data_url = load_settings().data_url
    return Lake(Storage(data_url)).connection


class Lake:
    """The views over one root of files; each is made when a query first names it, and shows the files of that moment."""

    def __init__(self, storage: Storage, sql: str | None = None) -> None:
        """Make the views that the words of `sql` name; all of them without it."""
        self.storage = storage
        self.connection = new_connection()
        self.connection.execute("create schema files")
        self.made: set[str] = set()
        self.make(sql)
        for statement in LOCKED:
            self.connection.execute(statement)

    @cached_property
    def builders(self) -> Mapping[str, Callable[[str], None]]:
        """Every view by name, with what makes it."""
        return (
            dict.fromkeys(STAGED, self._staged)
            | dict.fromkeys(RESOLVED | LOADED, self._batches)
            | {"outcomes": self._outcomes, "events": self._events, "views": self._views}
            | dict.fromkeys(CATALOGUE, self._newest)
            | dict.fromkeys((f"latest_{name}" for name in LATEST), self._latest_staged)
            | dict.fromkeys((f"latest_{name}" for name in RESOLVED if name != "added_titles"), self._latest_resolved)
            | dict.fromkeys(ready_made(), self._ready_made)
        )

    def make(self, sql: str | None = None) -> None:
        """Make those views that are not there yet and that the words of `sql` name; all of them without it."""
        text = (sql or "").lower()
        words = set(re.findall(r"\w+", text))
        everything = sql is None or LISTING.search(text)
        self._need(*(name for name in self.builders if everything or name in words))

    def _need(self, *names: str) -> None:
        for name in names:
            if name not in self.made:
                self.made.add(name)
                self.builders[name](name)

    def _view(self, name: str, query: str) -> None:
        self.connection.execute(f"create view {name} as {query}")

    def _hand_over(self, name: str, rows: pa.Table | ds.Dataset) -> None:
        """Make `files.<name>` of what Arrow has: aside, so that nobody who lists the views is shown it."""
        self.connection.execute("use files")
        self.connection.from_arrow(rows).create_view(name)
        self.connection.execute("use main")

    def _files(self, name: str, dataset: str, files: Iterable[str], parts: tuple[str, ...]) -> None:
        """Hand the files of a dataset over as `files.<name>`; `parts` are the folders of the form `key=value` above them."""
        import pyarrow as pa
        import pyarrow.dataset as ds

        from pipeline.lake.datasets import schemas

        folders = pa.schema([(part, pa.string()) for part in parts])
        schema = pa.schema([*folders, *schemas()[dataset]])
        paths = [self.storage.path(file) for file in files]
        if paths:
            layout = ds.partitioning(folders, flavor="hive")
            found = ds.dataset(
                paths, schema, format="parquet", partitioning=layout, partition_base_dir=str(self.storage.root)
            )
        else:
            found = schema.empty_table()
        self._hand_over(name, found)

    def _staged(self, name: str) -> None:
        self._files(name, name, self.storage.walk(f"staged/{name}"), ("user", "run"))
        self._view(name, f"from files.{name}")

    def _batches(self, name: str) -> None:
        room, _, table = name.partition("_") if name in LOADED else ("resolved", "", name)
        self._files(name, name, self.storage.walk(f"{room}/{table}"), ("batch",))
        self._view(name, f'select trakt_slug as "user", run_id as run, * from files.{name}')

    def _outcomes(self, name: str) -> None:
        self._need("loaded_outcomes")
        self._files(name, name, self.storage.walk("resolved/outcomes"), ("batch",))
        self._view(
            name,
            'select r.trakt_slug as "user", r.run_id as run, r.*, l.outcome, l.kept from files.outcomes as r '
            "left join files.loaded_outcomes as l using (batch, run_id, user_id, title)",
        )

    def _newest(self, name: str) -> None:
        files = [file for file in self.storage.walk("catalog") if file.endswith(f"/{name}.parquet")]
        self._files(name, name, files[-1:], ("snapshot",))
        self._view(name, f"from files.{name}")

    def _events(self, name: str) -> None:
        columns = {"user": "", "run": "", "seq": 0, "event": "", "at": "", "body": ""}
        self._hand_over(name, _table(every_event(self.storage), columns))
        self._view(name, 'select * replace ("at"::timestamptz as "at", body::json as body) from files.events')

    @cached_property
    def pictures(self) -> list[Picture]:
        """Each user's last completed picture; made known to DuckDB as `files.pictures` and `files.inputs`."""
        found = pictures(self.storage)
        columns = dict.fromkeys(
            ("user_id", "trakt_slug", "run_id", "read_at", "completed_at", "batch_id", "resolved_by"), ""
        )
        self._hand_over("pictures", _table(map(asdict, found), columns))
        newest: dict[str, Picture] = {}
        for picture in found:
            if picture.trakt_slug not in newest or newest[picture.trakt_slug].run_id < picture.run_id:
                newest[picture.trakt_slug] = picture
        inputs = (
            {
                "slug": slug,
                "endpoint": endpoint,
                "input": run_id,
                "place": place,
                "read_at": picture.read_at,
            }
            for slug, picture in newest.items()
            for endpoint, run_ids in picture.inputs.items()
            for place, run_id in enumerate(run_ids)
        )
        names = {"slug": "", "endpoint": "", "input": "", "place": 0, "read_at": ""}
        self._hand_over("inputs", _table(inputs, names))
        return found

    def _latest_staged(self, name: str) -> None:
        dataset = name.removeprefix("latest_")
        wanted = {
            f"run={run_id}"
            for picture in self.pictures
            for endpoint, run_ids in picture.inputs.items()
            if dataset in (endpoint, "rejected")
            for run_id in run_ids
        }
        files = [file for file in self.storage.walk(f"staged/{dataset}") if file.split("/")[3] in wanted]
        self._files(name, dataset, files, ("user", "run"))
        key, date = LATEST[dataset]
        endpoint = "f.endpoint" if dataset == "rejected" else f"'{dataset}'"
        holds = "where f.expires_at > i.read_at::timestamptz" if dataset == "watching" else ""
        self._view(
            name,
            f'select i.slug as "user", f.* exclude ("user") from files.{name} as f '
            f"join files.inputs as i on i.input = f.run and i.endpoint = {endpoint} {holds} "
            f"qualify row_number() over (partition by i.slug, {key} "
            f"order by i.place desc, {date} desc nulls last, f.fetched_at desc, f.page desc, f.position desc) = 1",
        )

    def _views(self, name: str) -> None:
        rows = [{"name": view, "about": about(view)} for view in sorted(self.builders)]
        self._hand_over(name, _table(rows, {"name": "", "about": ""}))
        self._view(name, f"from files.{name}")

    def _latest_resolved(self, name: str) -> None:
        table = name.removeprefix("latest_")
        self._need(table)
        self.pictures  # noqa: B018 - makes `files.pictures`
        shown = "" if table == "outcomes" else "where not (coalesce(f.gone, false) or coalesce(f.moved, false))"
        self._view(
            name,
            f'select p.trakt_slug as "user", f.* exclude ("user") from {table} as f join files.pictures as p '
            f"on p.batch_id = f.batch and p.resolved_by = f.run_id and p.user_id = f.user_id {shown}",
        )

    def _ready_made(self, name: str) -> None:
        query = ready_made()[name]
        words = set(re.findall(r"\w+", query))
        self._need(*(other for other in self.builders if other in words and other != name))
        if "files.pictures" in query:
            self.pictures  # noqa: B018 - makes `files.pictures`
        self._view(name, query)


def ready_made() -> dict[str, str]:
    """The ready-made views: the text of each `.sql` file in `pipeline/lake/views`, by name."""
    folder = resources.files("pipeline.lake.views")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return {file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in files}


def about(view: str) -> str:
    """What a row of a view is, in words."""
    if view.startswith("latest_"):
        return f"Each user's last completed picture: {about(view.removeprefix('latest_'))}"
    if view in DATASETS:
        return DATASETS[view].about
    if view in OTHERS:
        return OTHERS[view]
    first = itertools.takewhile(lambda line: line.startswith("-- "), ready_made()[view].splitlines())
    text = " ".join(line.removeprefix("-- ") for line in first).partition(": ")[2]
    # What it is made of is for those who read the file.
    text = re.sub(r"Takes [^.]*\. ", "", text)
    return text[:1].upper() + text[1:]


def _table(rows: Iterable[Mapping[str, object]], columns: Mapping[str, object]) -> pa.Table:
    """Rows of texts and whole numbers as an Arrow table of these columns; a value of each says its type."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.string() if value == "" else pa.int64()) for name, value in columns.items()])
    return pa.Table.from_pylist(list(rows), schema=schema)
