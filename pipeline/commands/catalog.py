"""`catalog load` and `catalog snapshot`: fill and freeze the catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.errors import BadInput
from pipeline.state import State, tell


@click.group()
def catalog() -> None:
    """Fill and freeze the catalogue."""


@catalog.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["auto", "csv", "parquet"]), default="auto", show_default=True)
@click.option("--map", "maps", multiple=True, metavar="OURS=THEIRS", help="The file's name of one of our columns.")
@click.option("--replace", is_flag=True, help="Remove titles that are not in the file and that no entry uses.")
@click.pass_obj
def catalog_load(state: State, file: Path, form: str, maps: tuple[str, ...], replace: bool) -> None:
    """Upsert the titles of a file, all or nothing."""
    from pipeline.clock import Clock
    from stages.catalog import load_catalogue
    from stages.catalog.filling import COLUMNS
    from stages.database import open_database

    columns = dict(item.partition("=")[::2] for item in maps)
    wrong = [item for item in maps if "=" not in item or item.partition("=")[0] not in COLUMNS]
    if wrong:
        raise BadInput(f"--map {wrong[0]}", f"OURS=THEIRS, where OURS is one of {', '.join(COLUMNS)}.")
    with open_database(state.settings) as database:
        database.prepare()
        filled = load_catalogue(
            file, database=database, at=Clock().stamp(), kind=form, columns=columns, replace=replace
        )
    removed = f", {filled.removed} removed" if replace else ""
    click.echo(f"{filled.read} titles read, {filled.written} new or changed{removed}")
    for line in filled.shared:
        tell(state, {"shared_id": line}, f"an id used twice: {line}")


@catalog.command("snapshot")
@click.pass_obj
def catalog_snapshot(state: State) -> None:
    """Freeze the catalogue as it is now."""
    from stages.catalog import take_snapshot
    from stages.database import open_database

    with open_database(state.settings) as database:
        database.prepare()
        click.echo(take_snapshot(database, state.storage))
