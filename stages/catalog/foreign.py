"""Read what others publish: IMDb's titles, MovieLens' links. They name no title of ours, only ids.

IMDb: title.basics.tsv.gz, as described at developer.imdb.com (non-commercial datasets): tab-separated, `\\N` is null,
quotes mean nothing. MovieLens: links.csv of every ml-… dataset; IMDb ids come as numbers of at least seven digits.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.duck import open_duckdb, quoted
from pipeline.errors import BadInput, DatabaseError
from stages.database import TITLES, Database, Kind

if TYPE_CHECKING:
    import duckdb

IMDB = ("tconst", "titleType", "primaryTitle", "startYear")
MOVIELENS = ("movieId", "imdbId", "tmdbId")
TABS = r"delim = '\t', quote = '', escape = '', nullstr = '\N'"
BATCH = 100_000  # rows that travel at once: memory stays the same however long the file is


def is_imdb(path: Path) -> bool:
    """Whether the file begins as IMDb's titles do."""
    return ".tsv" in path.suffixes and set(IMDB) <= set(_header(path, "\t"))


def is_movielens(path: Path) -> bool:
    """Whether the file begins as MovieLens' links do."""
    return path.suffix == ".csv" and tuple(_header(path, ",")) == MOVIELENS


def read_imdb(path: Path, database: Database) -> int:
    """Make the temporary table `foreign_titles` (kind, name, year, imdb_id): films and series; how many there are."""
    header = _needed(path, "\t", IMDB, "title.basics.tsv.gz")
    name = database.handed("primaryTitle", "name", "text")
    query = f"""
        select case when titleType in ('movie', 'tvMovie') then 'movie' else 'show' end as kind, {name} as name,
            try_cast(startYear as bigint) as "year", tconst as imdb_id
        from {_csv(path, header, TABS)}
        where titleType in ('movie', 'tvMovie', 'tvSeries', 'tvMiniSeries') and primaryTitle is not null
            and regexp_full_match(tconst, 'tt[0-9]{{5,}}')
    """
    return _stage(path, database, query, {"kind": "text", "name": "text", "year": "number", "imdb_id": "text"})


def read_movielens(path: Path, database: Database) -> int:
    """Make the temporary table `foreign_titles` (line, imdb_id, tmdb_id), all of them movies; how many there are."""
    import duckdb

    header = _needed(path, ",", MOVIELENS, "links.csv")
    lines = f"(select row_number() over () + 1 as line, * from {_csv(path, header, 'parallel = false')})"
    with open_duckdb() as connection:
        try:
            bad = connection.execute(
                f"select line, imdbId, tmdbId from {lines} "
                "where not (regexp_full_match(coalesce(imdbId, '1'), '(tt)?[0-9]{1,18}') "
                "and regexp_full_match(coalesce(tmdbId, '1'), '[0-9]{1,18}')) order by line limit 1"
            ).fetchone()
        except duckdb.Error as error:
            raise _refused(path, error) from None
    if bad is not None:
        raise BadInput(
            f"{path}, line {bad[0]}: imdbId {bad[1]}, tmdbId {bad[2]}, which are no ids",
            "Nothing was loaded; mend the file and load it again.",
        )
    query = f"""
        select line,
            case when number > 0 then 'tt' || lpad(number::varchar, greatest(len(number::varchar), 7)::integer, '0') end as imdb_id,
            nullif(tmdbId::bigint, 0) as tmdb_id
        from (select *, ltrim(imdbId, 't')::bigint as number from {lines})
    """
    return _stage(path, database, query, {"line": "number", "imdb_id": "text", "tmdb_id": "number"})


def read_mapped(connection: duckdb.DuckDBPyConnection, database: Database) -> int:
    """Make the temporary table `foreign_titles` of the relation `file`, ids that can never match left out; how many rows."""
    columns: dict[str, Kind] = {"line": "number", **TITLES}
    del columns["title_id"]
    usable = {name: f"case when {name} > 0 then {name} end" for name in ("trakt_id", "tmdb_id", "tvdb_id")}
    usable["imdb_id"] = "case when regexp_full_match(lower(imdb_id), 'tt[0-9]{5,}') then lower(imdb_id) end"
    usable["tvdb_id"] = "case when tvdb_id > 0 and kind = 'show' then tvdb_id end"
    usable["name"] = database.handed("file.name", "name", "text")
    values = ", ".join(f'{usable.get(name, name)} as "{name}"' for name in columns)
    database.stage(
        "foreign_titles", columns, connection.sql(f"select {values} from file order by line").to_arrow_table()
    )
    return _staged(database)


def _stage(path: Path, database: Database, query: str, columns: Mapping[str, Kind]) -> int:
    """Let the rows travel batch by batch, from the file to the temporary table; how many they are."""
    import duckdb
    import pyarrow as pa

    failures: list[duckdb.Error] = []

    def batches(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except duckdb.Error as error:
            failures.append(error)
            raise

    with open_duckdb() as connection:
        try:
            rows = connection.sql(query).to_arrow_reader(BATCH)
            database.stage("foreign_titles", columns, pa.RecordBatchReader.from_batches(rows.schema, batches(rows)))
        except (duckdb.Error, DatabaseError) as error:
            if failures or isinstance(error, duckdb.Error):
                raise _refused(path, failures[0] if failures else error) from None
            raise
    return _staged(database)


def _staged(database: Database) -> int:
    count: int = database.execute("select count(*) from foreign_titles")[0][0]
    return count


def _csv(path: Path, header: Sequence[str], dialect: str) -> str:
    types = ", ".join(f"{quoted(name)}: 'varchar'" for name in header)
    return (
        f"read_csv({quoted(str(path))}, columns = {{{types}}}, auto_detect = false, header = true, strict_mode = true, "
        f"null_padding = false, {dialect})"
    )


def _refused(path: Path, error: Exception) -> BadInput:
    line = re.search(r"Line: (\d+)", str(error))
    reason = [text for text in str(error).splitlines() if text.strip()][1 if line else 0]
    return BadInput(
        f"{path}, line {line[1]}: {reason}" if line else f"{path}: {reason}",
        "Fetch the file again; nothing was loaded.",
    )


def _needed(path: Path, delimiter: str, names: Sequence[str], example: str) -> list[str]:
    header = _header(path, delimiter)
    missing = [name for name in names if name not in header]
    if missing:
        raise BadInput(f"{path}, line 1: no column {', '.join(missing)}", f"Give a file like {example}.")
    return header


def _header(path: Path, delimiter: str) -> list[str]:
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", errors="replace") as stream:
            return stream.readline(10_000).rstrip("\r\n").split(delimiter)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}, line 1: it cannot be read ({type(error).__name__})", "Fetch the file again.") from None
