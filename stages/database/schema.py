"""The tables: make those that are missing, bring older ones up to date with their rows kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from pipeline.errors import DatabaseError
from stages.database.connection import Database, IdType

SCHEMA_VERSION = 1
CATALOGUE = "titles"


@dataclass(frozen=True)
class Upgraded:
    """What `upgrade` did: from which version (None: there were no tables), what it added, where the copy lies."""

    before: int | None
    added: tuple[str, ...]
    copy: str | None


def prepare(database: Database) -> None:
    """Create the tables that are missing; `DatabaseError` for another schema version than ours."""
    version = database.version()
    if version in (None, SCHEMA_VERSION):
        # Of the catalogue alone, the application may be making its view anew.
        if version is None or any(database.relation(table) is None for table in tables(database) if table != CATALOGUE):
            with database.transaction():
                database.schema_lock()
                create(database)
    else:
        raise DatabaseError(
            f"its schema is version {version}, this program's is {SCHEMA_VERSION}",
            "Install the newer trakt-import." if version > SCHEMA_VERSION else "Run: trakt-import db upgrade",
        )


def upgrade(database: Database, user_id_type: IdType | None, at: str) -> Upgraded:
    """Create or migrate the tables in one transaction, every row kept; a file database is copied first.

    `user_id_type` is the type of the application's user ids, None to leave it. Raises `BadInput` for a type that
    this database or the rows that are there cannot have, `DatabaseError` for a schema newer than this program.
    """
    version = database.version()
    if version is not None and version > SCHEMA_VERSION:
        raise DatabaseError(
            f"its schema is version {version}, this program's is {SCHEMA_VERSION}", "Install the newer trakt-import."
        )
    copy = None
    if version is not None and version < SCHEMA_VERSION:
        copy = database.keep_copy(f"version-{version}-{re.sub('[^0-9]', '', at)}")
    with database.transaction():
        database.schema_lock()
        if user_id_type is not None:
            database.retype_user_ids(user_id_type)
        added = create(database)
    return Upgraded(version, tuple(added), copy)


def create(database: Database) -> list[str]:
    """Create every table and column that is missing, and say the version; what was added."""
    added = []
    first = database.relation("schema_version") is None
    for table, body in tables(database).items():
        if database.relation(table) is None:
            database.execute(f"create table {table} (\n{body}\n)")
            added.append(table)
            continue
        there = set(database.columns(table))
        missing = [line for line in body.split(",\n") if (name := line.split()[0]) not in there and name != "primary"]
        if missing and table == CATALOGUE and (first or database.titles_is_view()):
            names = ", ".join(line.split()[0] for line in missing)
            raise DatabaseError(f"titles has no column {names}", "Add it to the application's table or view.")
        for line in missing:
            database.execute(f"alter table {table} add column {line.strip()}")
            added.append(f"{table}.{line.split()[0]}")
    database.execute("delete from schema_version")
    database.execute("insert into schema_version (version) values (?)", (SCHEMA_VERSION,))
    return added


def tables(database: Database) -> dict[str, str]:
    """The columns and key of every table of `schema.sql`, with the id types of this database."""
    text = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    found = dict(re.findall(r"create table (\w+) \(\n(.*?)\n\);", text, re.DOTALL))
    types = {"user_id": database.user_id_type, "title_id": database.title_id_type}
    return {
        table: re.sub(r"\b(user_id|title_id) text\b", lambda match: f"{match[1]} {types[match[1]]}", body)
        for table, body in found.items()
    }
