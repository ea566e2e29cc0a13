"""Read titles from a CSV or Parquet file; every reason to refuse it is told with its line."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.duck import quoted
from pipeline.errors import BadInput
from stages.database import TITLES

if TYPE_CHECKING:
    import duckdb

NUMBERS = ("year", "trakt_id", "tmdb_id", "tvdb_id", "aired_episodes")
COLUMNS = tuple(TITLES)
NEEDED = ("title_id", "kind", "name")
# Where a name of ours is found that several columns of the file bear.
TWICE = ""
# What others call them, in lower case and without spaces.
KINDS = {"movie": ("movie", "film", "tvmovie"), "show": ("show", "series", "tvseries", "tvminiseries")}


def read_titles(connection: duckdb.DuckDBPyConnection, path: Path, kind: str, columns: dict[str, str]) -> list[str]:
    """Make `file`, the titles of a CSV or Parquet file, checked and typed; our names of the columns that it has.

    Where columns are mapped and there is no `title_id`, the file is one of others: it names titles by foreign ids, and
    its kinds may be theirs (`TV Series`). Raises `BadInput` naming file, line and reason.
    """
    parquet = kind == "parquet" or (kind == "auto" and path.suffix.lower() in (".parquet", ".pq"))
    given = _read(connection, path, parquet, columns)
    _check(connection, path, parquet, foreign="title_id" not in given)
    return given


def _read(connection: duckdb.DuckDBPyConnection, path: Path, parquet: bool, columns: dict[str, str]) -> list[str]:
    """Make `texts`: our columns as trimmed text, an empty cell null, and `_line`: how many rows came before, and 2."""
    import duckdb

    try:
        found = _read_parquet(connection, path) if parquet else _read_csv(connection, path)
    except duckdb.Error as error:
        line = re.search(r"Line: (\d+)", str(error))
        reasons = [text for text in str(error).splitlines() if text.strip()]
        reason = reasons[min(1, len(reasons) - 1)] if line else reasons[0]
        raise BadInput(
            f"{path}, line {line[1]}: {reason}" if line else f"{path}: {reason}",
            "Give a CSV (UTF-8, commas, a header) or Parquet file; nothing was loaded.",
        ) from None
    names = {ours: columns.get(ours, ours) for ours in COLUMNS}
    needed = NEEDED[1:] if columns and "title_id" not in columns else NEEDED
    missing = [
        theirs for ours, theirs in names.items() if theirs.lower() not in found and (ours in needed or ours in columns)
    ]
    if missing:
        raise BadInput(
            f"{path}, line 1: no column {', '.join(missing)}",
            f"It needs {', '.join(needed)}; --map OURS=THEIRS renames, and a file without title_id is matched by the ids it has.",
        )
    doubled = [ours for ours, theirs in names.items() if found.get(theirs.lower()) == TWICE]
    if doubled:
        raise BadInput(
            f"{path}, line 1: column {names[doubled[0]]} stands there twice",
            "Say which one is meant: leave one of them.",
        )
    texts = [
        f"nullif(trim(cast({found[theirs.lower()]} as varchar)), '') as {ours}"
        if theirs.lower() in found
        else f"null as {ours}"
        for ours, theirs in names.items()
    ]
    connection.execute(f"create view texts as select {', '.join(texts)}, _line from lines")
    return [ours for ours, theirs in names.items() if theirs.lower() in found]


def _read_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Make `lines`; the quoted name of every column by its name in lower case."""
    connection.execute(
        "create view lines as select *, file_row_number + 1 as _line "
        f"from read_parquet({quoted(str(path))}, hive_partitioning = false, file_row_number = true)"
    )
    found = [str(row[0]) for row in connection.execute("describe lines").fetchall()]
    return {name.strip().lower(): '"' + name.replace('"', '""') + '"' for name in found}


def _read_csv(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Make `lines`; the name of every column by its name in the header, in lower case.

    The file is read through here first and the dialect said: DuckDB guesses around a broken line, and drops what
    follows a quote that is not closed.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, strict=True)
        try:
            header = next(rows, [])
            for row in rows:
                if row and len(row) != len(header):
                    raise BadInput(
                        f"{path}, line {rows.line_num}: {len(row)} cells, the header has {len(header)}",
                        "Nothing was loaded; mend the file and load it again.",
                    )
        except UnicodeDecodeError:
            raise BadInput(f"{path}, line {_no_text(path)}: not UTF-8 text", "Save the file as UTF-8.") from None
        except csv.Error as error:
            raise BadInput(f"{path}, line {rows.line_num}: {error}", "Look for a quote that is not closed.") from None
    if not header:
        raise BadInput(f"{path}, line 1: the file is empty", f"It needs a header with {', '.join(NEEDED)}.")
    types = ", ".join(f"'c{place}': 'varchar'" for place in range(len(header)))
    connection.execute(
        "create table lines as select *, row_number() over () + 1 as _line "
        f"from read_csv({quoted(str(path))}, columns = {{{types}}}, "
        "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', strict_mode = true, "
        "null_padding = false, parallel = false)"
    )
    names = [name.strip().lower() for name in header]
    return {name: TWICE if names.count(name) > 1 else f"c{place}" for place, name in enumerate(names)}


def _no_text(path: Path) -> int:
    """The first line that is not UTF-8."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _line_of(path: Path, row: int) -> int:
    """The line of a CSV file at which the row stands that is told as line `row`: cells may hold lines, lines be blank."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows, before = csv.reader(stream), 0
        for cells in rows:
            row -= bool(cells)
            if row == 0:
                return before + 1
            before = rows.line_num
    return row


def _check(connection: duckdb.DuckDBPyConnection, path: Path, parquet: bool, *, foreign: bool) -> None:
    """Every reason to refuse the file, the first line that gives one named; then the typed rows as `file`."""
    import duckdb

    try:
        kinds = [f"when lower(replace(kind, ' ', '')) in {names} then '{kind}'" for kind, names in KINDS.items()]
        kind = f"case {' '.join(kinds)} end" if foreign else "lower(kind)"
        reasons = [
            f"case when title_id is null and not {foreign} then 'no title_id' "
            f"when coalesce({kind}, '') not in ('movie', 'show') "
            "then 'kind is ' || coalesce(kind, 'empty') || ', not movie or show' when name is null then 'no name'"
        ]
        whole = "try_cast({0} as bigint) is not null and try_cast({0} as double) % 1 = 0"
        reasons += [
            f"when {name} is not null and not ({whole.format(name)}) then '{name} is ' || {name} || ', not a whole number'"
            for name in NUMBERS
        ]
        bad = connection.execute(
            f"select _line, {' '.join(reasons)} end as reason from texts where reason is not null order by _line limit 1"
        ).fetchone()
        if bad is None:
            bad = connection.execute(
                "select max(_line), 'title_id ' || title_id || ' was there before' from texts "
                "group by title_id having count(title_id) > 1 order by all limit 1"
            ).fetchone()
        if bad is not None:
            line = bad[0] if parquet else _line_of(path, bad[0])
            raise BadInput(f"{path}, line {line}: {bad[1]}", "Nothing was loaded; mend the file and load it again.")
        typed = ", ".join(f"cast({name} as bigint) as {name}" for name in NUMBERS)
        connection.execute(
            f"create table file as select _line as line, title_id, {kind} as kind, name, imdb_id, {typed} from texts"
        )
    except duckdb.Error as error:
        raise BadInput(
            f"{path}: {str(error).splitlines()[0]}", "Nothing was loaded; mend the file and load it again."
        ) from None
