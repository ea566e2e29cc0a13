"""`query`: DuckDB over everything under `DATA_URL`, read-only; a statement, a file, or a shell."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import BadInput
from pipeline.state import State

if TYPE_CHECKING:
    import duckdb

    from pipeline.lake.connection import Lake

SHELL = "trakt-import> "
GREETING = "SQL over everything under DATA_URL; a statement ends with ; — `from views;` lists the views, Ctrl-D leaves."
VIEWS = 'List the views with: trakt-import query "from views" (docs/dictionary.md describes their columns).'
WIDEST = 80  # of a cell in a table; CSV and JSON give all of it
READ_ONLY = "query reads the views and nothing else: it cannot write, and sees no other files."


@click.command(short_help="Ask the staged files in SQL, read-only.")
@click.argument("sql", required=False)
@click.option("-f", "--file", "file", type=click.Path(path_type=Path), metavar="FILE", help="Take the SQL from a file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)
@click.pass_obj
def query(state: State, sql: str | None, file: Path | None, form: str) -> None:
    """Ask the staged files in SQL (DuckDB), read-only; without SQL, a shell.

    Of several statements the rows of the last one are printed.
    """
    from pipeline.lake.connection import Lake

    if sql is not None and file is not None:
        raise BadInput("both SQL and -f", "Give one of them.")
    if file is not None:
        sql = _read(file)
    if sql is None and not sys.stdin.isatty():
        lake = Lake(state.storage, "")
        for statement in _statements(_read(None)):
            _run(lake, statement, form)
    elif sql is None:
        _shell(Lake(state.storage, ""), form)
    else:
        *before, last = _statements(sql) or [""]
        if not last:
            raise BadInput("the SQL is empty", VIEWS)
        lake = Lake(state.storage, sql)
        for statement in before:
            _run(lake, statement, form=None)
        _run(lake, last, form)


def _read(file: Path | None) -> str:
    """The SQL in a file, or from stdin."""
    try:
        return (sys.stdin.buffer.read() if file is None else file.read_bytes()).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{file or 'stdin'} cannot be read ({type(error).__name__})", "Name a file of SQL in UTF-8."
        ) from None


def _statements(sql: str) -> list[str]:
    import duckdb

    try:
        return [statement.query for statement in duckdb.extract_statements(sql) if statement.query.strip(" ;\n\t\r")]
    except duckdb.Error as error:
        raise _told(error) from None


def _run(lake: Lake, statement: str, form: str | None) -> None:
    """Run one statement and print its rows, if it gives any and a `form` is named."""
    import duckdb

    try:
        lake.make(statement)
        result = lake.connection.execute(statement)
        names = [column[0] for column in result.description or []]
        if form is None or not _gives_rows(statement):
            result.fetchall()
            return
        lines = {"table": _table, "csv": _csv, "json": _json}[form](names, _rows(result))
        while some := list(islice(lines, 1000)):
            click.echo("\n".join(some))
    except duckdb.Error as error:
        raise _told(error) from None


def _gives_rows(statement: str) -> bool:
    import duckdb

    kinds = duckdb.StatementType
    kind = duckdb.extract_statements(statement)[0].type
    return kind in (kinds.SELECT, kinds.EXPLAIN, kinds.PRAGMA, kinds.CALL, kinds.MULTI)


def _told(error: duckdb.Error) -> BadInput:
    import duckdb

    if "No such file" in str(error):
        return BadInput("a file went away", "Files were merged or removed meanwhile; ask again.")
    refused = isinstance(error, duckdb.PermissionException) or "configuration" in str(error)
    return BadInput(str(error).strip().splitlines()[0], READ_ONLY if refused else VIEWS)


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(1000):
        yield from rows


def _plain(value: Any) -> Any:
    """A value as JSON has it; moments as `2025-01-31T20:15:00Z`."""
    import datetime as dt
    import decimal

    match value:
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case None | bool() | int() | float() | str():
            return value
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dt.date() | dt.time():
            return value.isoformat()
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)


def _cell(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, (dict, list)):
        return json.dumps(plain, ensure_ascii=False)
    return "" if plain is None else str(plain).lower() if isinstance(plain, bool) else str(plain)


def _table(names: list[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    kept = list(rows)
    numbers = [all(isinstance(row[at], (int, float)) or row[at] is None for row in kept) for at in range(len(names))]
    if len(kept) == 1 and isinstance(kept[0][-1], str) and "\n" in kept[0][-1]:
        yield kept[0][-1]  # a plan, drawn by DuckDB
        return
    cells = [[_clipped(_cell(value)) for value in row] for row in kept]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)] if names else []

    def line(values: list[str]) -> str:
        places = zip(values, widths, numbers, strict=True)
        return "  ".join(v.rjust(w) if number else v.ljust(w) for v, w, number in places).rstrip()

    yield line(names)
    yield "  ".join("-" * width for width in widths)
    yield from map(line, cells)
    yield f"({len(cells)} row{'' if len(cells) == 1 else 's'})"


def _clipped(text: str) -> str:
    flat = " ".join(text.splitlines())
    return flat if len(flat) <= WIDEST else flat[: WIDEST - 1] + "…"


def _csv(names: list[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    import csv
    import io

    def line(values: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(values)
        return out.getvalue()

    yield line(names)
    yield from (line([_cell(value) for value in row]) for row in rows)


def _json(names: list[str], rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    before = "["
    for row in rows:
        yield before + json.dumps(dict(zip(names, map(_plain, row), strict=True)), ensure_ascii=False)
        before = ","
    yield "[]" if before == "[" else "]"


def _shell(lake: Lake, form: str) -> None:
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - the arrow keys and the history of `input`
    click.echo(GREETING, err=True)
    text = ""
    while True:
        try:
            text += input(SHELL if not text else "         ...> ") + "\n"
        except EOFError:
            click.echo("", err=True)
            return
        except KeyboardInterrupt:
            click.echo("", err=True)
            text = ""
            continue
        if text.strip().lower().rstrip(";") in ("exit", "quit", ".exit", ".quit"):
            return
        if not text.strip().endswith(";"):
            text = text if text.strip() else ""
            continue
        try:
            for statement in _statements(text):
                _run(lake, statement, form)
        except BadInput as error:
            click.echo(f"{error.message}\n{error.hint}", err=True)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
        text = ""
