"""`catalog load`, `catalog snapshot`, `catalog check`: fill, freeze and examine the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pipeline.errors import BadInput
from pipeline.state import State, tell

SHOWN = 20


@click.group()
def catalog() -> None:
    """Fill, freeze and examine the catalogue."""


@catalog.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", "csv", "parquet", "imdb", "movielens"]),
    default="auto",
    show_default=True,
    help="imdb: title.basics.tsv.gz; movielens: links.csv.",
)
@click.option("--map", "maps", multiple=True, metavar="OURS=THEIRS", help="The file's name of one of our columns.")
@click.option("--replace", is_flag=True, help="Remove titles that are not in the file and that no entry uses.")
@click.pass_obj
def catalog_load(state: State, file: Path, form: Any, maps: tuple[str, ...], replace: bool) -> None:
    """Upsert the titles of a file, all or nothing."""
    from pipeline.clock import Clock
    from stages.catalog import load_catalogue
    from stages.catalog.reading import COLUMNS
    from stages.database import open_database, prepare

    columns = dict(item.partition("=")[::2] for item in maps)
    wrong = [item for item in maps if "=" not in item or item.partition("=")[0] not in COLUMNS]
    if wrong:
        raise BadInput(f"--map {wrong[0]}", f"OURS=THEIRS, where OURS is one of {', '.join(COLUMNS)}.")
    if len(columns) < len(maps):
        names = [item.partition("=")[0] for item in maps]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"--map {twice} is given twice", "Name one column of the file for each of ours.")
    with open_database(state.settings) as database:
        prepare(database)
        filled = load_catalogue(
            file, database=database, at=Clock().stamp(), kind=form, columns=columns, replace=replace
        )
    known = "" if filled.known is None else f", {filled.known} known before"
    removed = f", {filled.removed} removed" if replace else ""
    click.echo(f"{filled.read} titles read{known}, {filled.written} new or changed{removed}")
    _tell(state, "shared_id", "an id used twice", filled.shared)
    _tell(state, "conflict", "left alone", filled.conflicts)


def _tell(state: State, key: str, heading: str, lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        tell(state, {key: line}, f"{heading}: {line}")
    if len(lines) > SHOWN:
        more = len(lines) - SHOWN
        tell(state, {key: f"{more} more"}, f"{heading}: … and {more} more")


@catalog.command("snapshot")
@click.pass_obj
def catalog_snapshot(state: State) -> None:
    """Freeze the catalogue as it is now."""
    from stages.catalog import take_snapshot
    from stages.database import open_database, prepare

    with open_database(state.settings) as database:
        prepare(database)
        click.echo(take_snapshot(database, state.storage))


@catalog.command("check")
@click.pass_obj
def catalog_check(state: State) -> None:
    """Examine the catalogue: ids, duplicates, and how well it covers what the users have."""
    from pipeline.lake.connection import Lake
    from stages.catalog import check_catalogue
    from stages.database import open_database, prepare

    lake = Lake(state.storage, "latest_outcomes").connection
    users = lake.execute(
        'select count(distinct "user"), count(*), count(title_id), coalesce(sum(plays), 0), '
        "coalesce(sum(plays) filter (title_id is not null), 0) from latest_outcomes"
    ).fetchall()[0]
    wanted = lake.sql(
        "select row_number() over () as place, * from (select distinct kind, trakt_id, imdb_id, tmdb_id, tvdb_id "
        "from latest_outcomes where title_id is null)"
    ).to_arrow_table()
    with open_database(state.settings) as database:
        prepare(database)
        checked = check_catalogue(database, wanted)
    _print_check(checked, users, wanted.num_rows)


def _print_check(checked: Any, users: Sequence[int], wanted: int) -> None:
    from stages.catalog.check import IDS

    click.echo(f"{'kind':<8}{'titles':>10}" + "".join(f"{name:>20}" for name in IDS))
    for kind, count, ids in checked.coverage:
        click.echo(f"{kind:<8}{count:>10}" + "".join(f"{_share(number, count):>20}" for number in ids))
    if not checked.coverage:
        click.echo("the catalogue is empty; fill it with: trakt-import catalog load FILE")
    for name, number in checked.unusable.items():
        if number:
            click.echo(f"{name}: {number} titles have one that can never match")
    _section("ids that several titles bear", checked.twice_count, checked.twice)
    _section("titles of the same kind, name and year", checked.alike_count, checked.alike)
    people, titles, matched, plays, matched_plays = users
    if not people:
        click.echo("no user is imported yet")
        return
    click.echo(
        f"titles of all users ({people}): {titles}, matched {_share(matched, titles)}; of {plays} plays, "
        f"{_share(matched_plays, plays)}"
    )
    if wanted:
        click.echo(f"{wanted} different titles are missing; list them: trakt-import query 'from unmatched_titles'")
    if checked.found_now:
        click.echo(
            f"{checked.found_now} of these are in the catalogue by now; bring them in: trakt-import replay --all"
        )


def _section(heading: str, count: int, lines: Sequence[str]) -> None:
    click.echo(f"{heading}: {count}")
    for line in lines:
        click.echo(f"  {line}")
    if count > len(lines):
        click.echo(f"  … and {count - len(lines)} more")


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else str(part)
