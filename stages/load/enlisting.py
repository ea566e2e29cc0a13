"""Who is on record: put there, marked for the night, put over to another profile."""

from __future__ import annotations

from pipeline.errors import BadInput
from stages.database import Database
from stages.load.accounts import Account, accounts


def enlist(database: Database, *, slug: str, username: str, user_id: str | None, nightly: bool | None) -> str:
    """Put the user on record, and lift a block; what was done, in one line.

    An account that is on record for another slug is put over: its baseline and Trakt id are forgotten, so that the
    next import compares with nothing of another person. Raises `BadInput` where `slug` is on record for several
    users and none is named.
    """
    with database.transaction():
        known = accounts(database, user_id=user_id) if user_id else accounts(database, slug=slug)
        if len(known) > 1:
            raise BadInput(
                f"{slug} is on record for several users: {', '.join(account.user_id for account in known)}",
                "Say which one with --user-id.",
            )
        if not known:
            database.check_user_id(user_id or slug)
            database.execute(
                "insert into trakt_accounts (user_id, trakt_username, trakt_slug, nightly) values (?, ?, ?, ?)",
                (user_id or slug, username, slug, bool(nightly)),
            )
            return f"{slug} added{_how(nightly)}"
        return _change(database, known[0], slug, username, nightly)


def _change(database: Database, account: Account, slug: str, username: str, nightly: bool | None) -> str:
    marked = account.nightly if nightly is None else nightly
    database.execute(
        "update trakt_accounts set nightly = ?, blocked_at = null where user_id = ?", (marked, account.user_id)
    )
    said = [f"{slug} is on record{_how(marked)}"]
    if account.blocked_at:
        said.append("no longer blocked")
    if account.trakt_slug != slug:
        database.execute(
            "update trakt_accounts set trakt_slug = ?, trakt_username = ?, trakt_user_id = null, last_run_id = null "
            "where user_id = ?",
            (slug, username, account.user_id),
        )
        said.append(f"user {account.user_id} was put over from {account.trakt_slug}")
    return "; ".join(said)


def _how(nightly: bool | None) -> str:
    return ", imported at night" if nightly else ""
