"""Fill `titles` from a file, all or nothing: upsert by `title_id`, or grow it by titles and ids that others publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.duck import open_duckdb
from pipeline.errors import BadInput
from stages.catalog.foreign import is_imdb, is_movielens, read_imdb, read_mapped, read_movielens
from stages.catalog.reading import COLUMNS, read_titles
from stages.database import Database

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["auto", "csv", "parquet", "imdb", "movielens"]
TEXTS = ("title_id", "kind", "name", "imdb_id")
FOREIGN = ("trakt_id", "imdb_id", "tmdb_id", "tvdb_id")


@dataclass(frozen=True)
class Filled:
    """What came of a file, in titles; `shared` are ids that two titles bear now, `conflicts` what was left alone, and why.

    `known` is how many were found by a foreign id, None for files that name each title themselves.
    """

    read: int
    written: int
    removed: int = 0
    known: int | None = None
    shared: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def load_catalogue(
    path: Path,
    *,
    database: Database,
    at: str,
    kind: Format = "auto",
    columns: dict[str, str] | None = None,
    replace: bool = False,
) -> Filled:
    """Bring the titles of `path` into `titles`; `columns` maps our names to the file's (CSV and Parquet).

    CSV and Parquet: `title_id`, `kind` and `name` are needed; the other columns may be absent, in any order, and
    stay as they are then. Where columns are mapped, `title_id` is not needed: then, and of `imdb` and `movielens`, the
    rows are matched with titles of the same kind by their ids. `imdb` is IMDb's `title.basics.tsv.gz`, `movielens` a `links.csv`.
    Every row that is new or changed is stamped `at` (a second past the newest stamp at least, so that a change always
    shows). Raises `BadInput` naming file, line and reason; then nothing was written.
    """
    if database.titles_is_view():
        raise BadInput("titles is a view over the application's own tables", "Fill those tables instead.")
    if not path.is_file():
        raise BadInput(f"{path} is not a file", "Name a CSV or Parquet file, or one that IMDb or MovieLens publishes.")
    if kind == "auto":
        kind = "imdb" if is_imdb(path) else "movielens" if is_movielens(path) else kind
    if kind in ("imdb", "movielens") and (columns or replace):
        raise BadInput(f"--map or --replace with {kind}", "Its columns are known, and it does not hold every title.")
    if kind == "imdb":
        return _told(database, "imdb", read_imdb(path, database), at)
    if kind == "movielens":
        return _told(database, "movielens", read_movielens(path, database), at)
    with open_duckdb() as connection:
        given = read_titles(connection, path, kind, columns or {})
        if "title_id" not in given:
            if replace:
                raise BadInput("--replace with a file without title_id", "It does not say which titles it holds.")
            return _told(database, "mapped", read_mapped(connection, database), at)
        values = (f"{database.handed(name, name, 'text')} as {name}" if name in TEXTS else name for name in COLUMNS)
        rows = connection.sql(f"select {', '.join(values)} from file order by file.title_id").to_arrow_table()
    with database.transaction():
        return _upsert(database, rows, given, _stamp(database, at), replace)


def _upsert(database: Database, rows: pa.Table, given: Sequence[str], stamp: str, replace: bool) -> Filled:
    names = ", ".join(COLUMNS)
    database.stage("loaded_titles", {name: "text" if name in TEXTS else "number" for name in COLUMNS}, rows)
    values = [name for name in given if name != "title_id"]
    differs = " or ".join(f"titles.{name} is distinct from excluded.{name}" for name in values)
    database.execute(
        f"insert into titles ({names}, updated_at) select {names}, ? from loaded_titles where true order by title_id "
        f"on conflict (title_id) do update set {', '.join(f'{name} = excluded.{name}' for name in values)}, "
        f"updated_at = excluded.updated_at where {differs}",
        (stamp,),
    )
    written = _written(database, stamp)
    removed = 0
    if replace:
        used = " ".join(
            f"and not exists (select 1 from {table} as e where e.title_id = titles.title_id)"
            for table in ("library_entries", "season_entries", "episode_entries", "watches")
        )
        removed = database.change(
            "delete from titles where not exists (select 1 from loaded_titles as l where l.title_id = titles.title_id) "
            + used
        )
    shared = tuple(
        line
        for name in FOREIGN
        if name in given
        for line in _shared(database, name, f"(select {name} from loaded_titles where {name} is not null)")
    )
    return Filled(read=rows.num_rows, written=written, removed=removed, shared=shared)


def _told(database: Database, form: Literal["imdb", "movielens", "mapped"], read: int, at: str) -> Filled:
    """Match the staged rows of another publisher with the catalogue, and write what is new."""
    from pipeline.duck import sql_of

    with database.transaction():
        stamp = _stamp(database, at)
        own = database.title_id_type
        parts = ("true", "m.new_id") if own == "text" else ("false", f"cast(null as {own})")
        database.script(sql_of(__package__, form).format(stamp=stamp, new_ids=parts[0], new_id=parts[1]))
        known = database.execute("select count(*) from matched where title_id is not null")[0][0]
        conflicts = tuple(row[0] for row in database.execute("select told from conflicts order by place, told"))
        return Filled(
            read=read,
            written=_written(database, stamp),
            known=known,
            shared=tuple(
                line
                for name in (FOREIGN if form == "mapped" else ("imdb_id",))
                for line in _shared(database, name, f"(select {name} from matched)")
            ),
            conflicts=conflicts,
        )


def _shared(database: Database, name: str, ids: str) -> list[str]:
    """The ids among `ids` that several titles of one kind bear."""
    rows = database.execute(
        f"select kind, cast({name} as text), string_agg(cast(title_id as text), ', ' order by cast(title_id as text)) "
        f"from titles where {name} in {ids} group by kind, {name} having count(*) > 1 order by kind, {name}"
    )
    return [f"{name} {kind} {value}: {titles}" for kind, value, titles in rows]


def _written(database: Database, stamp: str) -> int:
    written: int = database.execute("select count(*) from titles where updated_at = ?", (stamp,))[0][0]
    return written


def _stamp(database: Database, at: str) -> str:
    import datetime as dt

    from pipeline.clock import stamp

    newest = database.execute("select max(updated_at) from titles")[0][0]
    try:
        after = stamp(dt.datetime.fromisoformat(str(newest)) + dt.timedelta(seconds=1))
    except ValueError:
        return at
    return max(at, after)
