"""Fill `titles` from a CSV or Parquet file: upsert by `title_id`, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.duck import open_duckdb
from pipeline.errors import BadInput
from stages.database import Database

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

TEXTS = ("title_id", "kind", "name", "imdb_id")
NUMBERS = ("year", "trakt_id", "tmdb_id", "tvdb_id", "aired_episodes")
COLUMNS = ("title_id", "kind", "name", "year", "trakt_id", "imdb_id", "tmdb_id", "tvdb_id", "aired_episodes")
NEEDED = ("title_id", "kind", "name")


@dataclass(frozen=True)
class Filled:
    """How many titles the file holds, how many of them were new or changed, how many went, and which ids are shared."""

    read: int
    written: int
    removed: int
    shared: tuple[str, ...]


def load_catalogue(
    path: Path,
    *,
    database: Database,
    at: str,
    kind: str = "auto",
    columns: dict[str, str] | None = None,
    replace: bool = False,
) -> Filled:
    """Upsert the titles of `path` (`kind`: auto, csv, parquet); `columns` maps our names to the file's.

    `title_id`, `kind` and `name` are needed, the other columns of `titles` may be absent, in any order. Every row that
    is new or changed is stamped `at` (a second past the newest stamp at least, so that a change always shows).
    Raises `BadInput` naming file, line and reason; then nothing was written.
    """
    if database.titles_is_view():
        raise BadInput("titles is a view over the application's own tables", "Fill those tables instead.")
    if not path.is_file():
        raise BadInput(f"{path} is not a file", "Name a CSV or Parquet file.")
    with open_duckdb() as connection:
        _read(connection, path, kind, columns or {})
        _check(connection, path)
        rows = connection.sql(f"select {', '.join(COLUMNS)} from file order by title_id").to_arrow_table()
        shared = tuple(
            f"{kind} {row[0]} {row[1]}: {row[2]}"
            for kind in ("trakt_id", "imdb_id", "tmdb_id", "tvdb_id")
            for row in connection.execute(
                f"select kind, {kind}, string_agg(title_id, ', ' order by title_id) from file where {kind} is not null "
                f"group by all having count(*) > 1 order by all"
            ).fetchall()
        )
    with database.transaction():
        return _upsert(database, rows, at, replace, shared)


def _read(connection: duckdb.DuckDBPyConnection, path: Path, kind: str, columns: dict[str, str]) -> None:
    import duckdb

    quoted = "'" + str(path).replace("'", "''") + "'"
    parquet = kind == "parquet" or (kind == "auto" and path.suffix.lower() in (".parquet", ".pq"))
    if parquet:
        source = (
            "(select *, file_row_number + 1 as _line "
            f"from read_parquet({quoted}, hive_partitioning = false, file_row_number = true))"
        )
    else:
        _utf8(path)
        connection.execute(
            f"create table lines as select *, row_number() over () + 1 as _line from read_csv({quoted}, all_varchar = true, "
            "header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = true, parallel = false, nullstr = '', "
            "strict_mode = true, null_padding = false)"
        ) if path.stat().st_size else connection.execute("create table lines (_line bigint)")
        source = "lines"
    try:
        found = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
    except duckdb.Error as error:
        raise BadInput(
            f"{path}: {str(error).splitlines()[0]}", "Give a CSV (UTF-8, with a header) or Parquet file."
        ) from None
    names = {ours: columns.get(ours, ours) for ours in COLUMNS}
    by_lower = {name.strip().lower(): name for name in found}
    missing = [names[ours] for ours in NEEDED if names[ours].lower() not in by_lower]
    missing += [
        theirs
        for ours, theirs in names.items()
        if ours in columns and theirs.lower() not in by_lower and theirs not in missing
    ]
    if missing:
        raise BadInput(
            f"{path}, line 1: no column {', '.join(missing)}",
            f"It needs {', '.join(NEEDED)}; --map OURS=THEIRS renames.",
        )
    parts = []
    for ours, theirs in names.items():
        there = by_lower.get(theirs.lower())
        text = f"nullif(trim(cast(\"{there}\" as varchar)), '')" if there else "null::varchar"
        parts.append(f"{text} as {ours}")
    connection.execute(f"create view texts as select {', '.join(parts)}, _line from {source}")


def _utf8(path: Path) -> None:
    number = 0
    with path.open(encoding="utf-8", newline="") as stream:
        try:
            for number, _ in enumerate(stream, 1):  # noqa: B007
                pass
        except UnicodeDecodeError:
            raise BadInput(f"{path}, near line {number + 1}: not UTF-8", "Save the file as UTF-8.") from None


def _check(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Every reason to refuse the file, the first line that gives one named; then the typed rows as `file`."""
    import duckdb

    try:
        reasons = [
            "case when title_id is null then 'no title_id' when kind is null or lower(kind) not in ('movie', 'show') "
            "then 'kind is ' || coalesce(kind, 'empty') || ', not movie or show' when name is null then 'no name'"
        ]
        reasons += [
            f"when {name} is not null and try_cast({name} as bigint) is null then '{name} is ' || {name} || ', not a whole number'"
            for name in NUMBERS
        ]
        bad = connection.execute(
            f"select _line, {' '.join(reasons)} end as reason from texts where reason is not null order by _line limit 1"
        ).fetchone()
        if bad is None:
            bad = connection.execute(
                "select max(_line), 'title_id ' || title_id || ' was there before' from texts group by title_id having count(*) > 1 "
                "order by all limit 1"
            ).fetchone()
        if bad is not None:
            raise BadInput(f"{path}, line {bad[0]}: {bad[1]}", "Nothing was loaded; mend the file and load it again.")
        typed = ", ".join(f"cast({name} as bigint) as {name}" for name in NUMBERS)
        connection.execute(
            f"create table file as select title_id, lower(kind) as kind, name, imdb_id, {typed} from texts"
        )
    except duckdb.Error as error:
        raise BadInput(
            f"{path}: {str(error).splitlines()[0]}", "Nothing was loaded; mend the file and load it again."
        ) from None


def _upsert(database: Database, rows: pa.Table, at: str, replace: bool, shared: tuple[str, ...]) -> Filled:
    types = ", ".join(f"{name} {'text' if name in TEXTS else 'bigint'}" for name in COLUMNS)
    names = ", ".join(COLUMNS)
    database.execute("drop table if exists temp.loaded_titles")
    database.execute(f"create temp table loaded_titles ({types})")
    database.stage("loaded_titles", rows)
    newest = database.execute("select max(updated_at) from titles")[0][0]
    stamp = max(at, _after(str(newest))) if newest else at
    values = [name for name in COLUMNS if name != "title_id"]
    differs = " or ".join(f"titles.{name} is not excluded.{name}" for name in values)
    database.execute(
        f"insert into titles ({names}, updated_at) select {names}, ? from loaded_titles where true order by title_id "
        f"on conflict (title_id) do update set {', '.join(f'{name} = excluded.{name}' for name in values)}, "
        f"updated_at = excluded.updated_at where {differs}",
        (stamp,),
    )
    written = database.execute("select count(*) from titles where updated_at = ?", (stamp,))[0][0]
    removed = 0
    if replace:
        gone = (
            "from titles where title_id not in (select title_id from loaded_titles) "
            "and title_id not in (select title_id from library_entries) and title_id not in (select title_id from watches)"
        )
        removed = database.execute(f"select count(*) {gone}")[0][0]
        database.execute(f"delete {gone}")
    read = database.execute("select count(*) from loaded_titles")[0][0]
    return Filled(read=read, written=written, removed=removed, shared=shared)


def _after(newest: str) -> str:
    import datetime as dt

    from pipeline.clock import stamp

    try:
        return stamp(dt.datetime.fromisoformat(newest) + dt.timedelta(seconds=1))
    except ValueError:
        return ""
