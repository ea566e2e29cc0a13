"""`db upgrade`: create the tables, or bring older ones up to date."""

from __future__ import annotations

import click

from pipeline.state import State


@click.group()
def db() -> None:
    """Create and migrate the tables of the application database."""


@db.command()
@click.option(
    "--user-id-type",
    type=click.Choice(["text", "bigint", "uuid"]),
    help="The type of the application's user ids (PostgreSQL; text, unless said before).",
)
@click.pass_obj
def upgrade(state: State, user_id_type: str | None) -> None:
    """Create what is missing and migrate what is older, in one transaction; every row is kept."""
    from typing import cast

    from pipeline.clock import Clock
    from stages.database import open_database
    from stages.database.connection import IdType
    from stages.database.schema import SCHEMA_VERSION
    from stages.database.schema import upgrade as upgrade_schema

    with open_database(state.settings) as database:
        done = upgrade_schema(database, cast("IdType | None", user_id_type), Clock().stamp())
    if done.copy:
        click.echo(f"A copy of the database as it was: {done.copy}")
    for name in done.added:
        click.echo(f"added {name}")
    before = "" if done.before is None else f", was {done.before}"
    click.echo(f"The schema is version {SCHEMA_VERSION}{before}.")
