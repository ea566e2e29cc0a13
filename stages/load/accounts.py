"""What the database knows of Trakt users: who they are in the application, and what was imported last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import BadInput
from pipeline.events import Extracted, Mode
from stages.database import Database

COLUMNS = "cast(user_id as text), trakt_username, trakt_slug, trakt_user_id, last_run_id, blocked_at, nightly, last_imported_at"


@dataclass(frozen=True)
class Account:
    """One row of `trakt_accounts`."""

    user_id: str
    trakt_username: str | None
    trakt_slug: str
    trakt_user_id: int | None
    last_run_id: str | None
    blocked_at: str | None
    nightly: bool
    last_imported_at: str | None


def accounts(
    database: Database,
    *,
    user_id: str | None = None,
    slug: str | None = None,
    trakt_user_id: int | None = None,
    nightly: bool | None = None,
) -> list[Account]:
    """The accounts on record that have this `user_id`, else slug, else Trakt id, else mark, else all; by `user_id`."""
    if user_id is not None:
        database.check_user_id(user_id)
    wanted = {"user_id": user_id, "trakt_slug": slug, "trakt_user_id": trakt_user_id, "nightly": nightly}
    column, value = next(((name, value) for name, value in wanted.items() if value is not None), ("", None))
    where = f"where {column} = ?" if column else ""
    rows = database.execute(
        f"select {COLUMNS} from trakt_accounts {where} order by user_id", (value,) if column else None
    )
    return [Account(*(*row[:6], bool(row[6]), row[7])) for row in rows]


def baseline(database: Database, user_id: str, mode: Mode) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The run and batch of the user's last import, and the titles that mode `new` leaves alone."""
    rows = database.execute(
        "select a.last_run_id, r.batch_id from trakt_accounts as a "
        "left join import_runs as r on r.run_id = a.last_run_id where a.user_id = ?",
        (user_id,),
    )
    run_id, batch_id = rows[0] if rows else (None, None)
    owned: tuple[str, ...] = ()
    if mode == "new":
        owned = tuple(
            row[0]
            for row in database.execute(
                "select cast(title_id as text) from library_entries where user_id = ?", (user_id,)
            )
        )
    return run_id, batch_id, owned


def bases(database: Database, user_ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    """The run and batch of each user's last import; a user without one is left out."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for start in range(0, len(user_ids), 500):
        part = user_ids[start : start + 500]
        rows = database.execute(
            "select cast(a.user_id as text), a.last_run_id, r.batch_id from trakt_accounts as a "
            f"left join import_runs as r on r.run_id = a.last_run_id where a.user_id in ({', '.join('?' * len(part))})",
            part,
        )
        found |= {user_id: (run_id, batch_id) for user_id, run_id, batch_id in rows}
    return found


def committed(database: Database, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs whose load has committed."""
    found: set[str] = set()
    for start in range(0, len(run_ids), 500):
        part = run_ids[start : start + 500]
        marks = ", ".join("?" * len(part))
        found |= {row[0] for row in database.execute(f"select run_id from import_runs where run_id in ({marks})", part)}
    return found


def refuse_blocked(database: Database, user_ids: Sequence[str]) -> None:
    """Raise `BadInput` where one of these users is blocked: nothing of theirs may be loaded."""
    for start in range(0, len(user_ids), 500):
        part = user_ids[start : start + 500]
        marks = ", ".join("?" * len(part))
        for (slug,) in database.execute(
            f"select trakt_slug from trakt_accounts where blocked_at is not null and user_id in ({marks})", part
        ):
            raise blocked(slug)


def blocked(slug: str) -> BadInput:
    """How whoever is blocked is told of."""
    return BadInput(f"{slug} is blocked", f"To allow imports again: trakt-import users add {slug}")


def record(database: Database, imports: Sequence[tuple[Extracted, str | None, str | None]], at: str) -> None:
    """Write the accounts' rows, each given what was read of it, its `last_run_id` until now, and the new one.

    Where that is None, the old one stays. `RowsChanged` where it is another now, `RowsLocked` where another session has
    the row; until the commit it is ours, so that two loads of one user go one after the other.
    """
    columns = (
        f"select cast(column1 as {database.column_type('user_id', 'text')}) as user_id, column2 as trakt_username, "
        f"column3 as trakt_slug, cast(column4 as {database.types['number']}) as trakt_user_id, column5 as base, "
        f"column6 as last_run_id, cast(column7 as {database.types['moment']}) as at"
    )
    for start in range(0, len(imports), 500):
        part = imports[start : start + 500]
        told = f"{columns} from (values {', '.join(['(?, ?, ?, ?, ?, ?, ?)'] * len(part))}) as v"
        values = [
            value
            for event, base, run_id in part
            for value in (event.user_id, event.trakt_username, event.trakt_slug, event.trakt_user_id, base, run_id, at)
        ]
        written = database.change(
            f"with told as ({told}), locked as materialized (select t.user_id from trakt_accounts as t join told "
            f"on told.user_id = t.user_id and told.base is not distinct from t.last_run_id {database.row_lock}) "
            "update trakt_accounts as t set trakt_username = told.trakt_username, trakt_slug = told.trakt_slug, "
            "trakt_user_id = coalesce(told.trakt_user_id, t.trakt_user_id), "
            "last_run_id = coalesce(told.last_run_id, t.last_run_id), last_imported_at = told.at "
            "from told where told.user_id = t.user_id and t.user_id in (select user_id from locked)",
            values,
        )
        if written < len(part):  # an account of another base is there: its key is refused
            database.execute(
                f"with told as ({told}) "
                "insert into trakt_accounts (user_id, trakt_username, trakt_slug, trakt_user_id, last_run_id, last_imported_at) "
                "select user_id, trakt_username, trakt_slug, trakt_user_id, last_run_id, at from told where not exists "
                "(select 1 from trakt_accounts as t where t.user_id = told.user_id "
                "and t.last_run_id is not distinct from coalesce(told.last_run_id, told.base))",
                values,
            )
