"""Extract as the bus calls it: whose profile is asked for, whose library it goes to, and one run at a time for each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import BadInput
from pipeline.journal import last_extracted
from pipeline.locks import user_lock
from pipeline.run import Import, refuse_superseded

if TYPE_CHECKING:
    from pipeline.events import Extracted
    from stages.database import Database
    from stages.extract.client import Client
    from stages.extract.profile import Profile


def extract_alone(run: Import) -> Extracted:
    """Read one profile, in an event loop of its own."""
    with run.database() as database:
        known = _known(run, database)
    return asyncio.run(_alone(run, known))


async def _alone(run: Import, known: str | None) -> Extracted:
    from stages.extract.client import Client

    async with Client(run.settings, run.clock, run.progress.waiting) as client:
        return await read_profile(run, known, client=client)


async def read_profile(run: Import, known: str | None, *, client: Client, enlisted: bool = False) -> Extracted:
    """Read one profile; the user's lock is held from the profile's answer on.

    `known` is the slug of a profile that was met before; `enlisted` says that it is on record under the user id that is
    asked for, so that nobody need look. `client` is shared by the many of a batch.
    """
    from stages.extract import extract
    from stages.extract.client import Guest

    guest = Guest(client)
    locked: set[str] = set()

    def on_profile(profile: Profile) -> tuple[str, str]:
        if profile.slug not in locked:
            run.held.enter_context(user_lock(run.storage, profile.slug))
            locked.add(profile.slug)
        user_id, on_record = run.request.user_id, profile.slug
        if user_id is None or not enlisted or profile.slug != known:
            with run.database() as database:
                user_id, on_record = _user(run, database, profile.slug, profile.trakt_id)
        if run.resumed:
            refuse_superseded(run, user_id)
        return user_id, on_record

    try:
        return await extract(
            run.request,
            settings=run.settings,
            storage=run.storage,
            clock=run.clock,
            client=guest,
            on_profile=on_profile,
            known_slug=known,
            progress=run.progress,
            resumed=run.resumed,
        )
    finally:
        run.requests = guest.requests


def picture_again(run: Import) -> Extracted:
    """The picture of the user's last good reads, for a run of its own: no request, nothing staged."""
    request = run.request
    last = last_extracted(run.storage, request.user)
    if last is None:
        raise BadInput(f"nothing is staged of {request.user}", f"Import once with: trakt-import run {request.user}")
    if not run.locked:
        run.held.enter_context(user_lock(run.storage, last.trakt_slug))
    return msgspec.structs.replace(
        last,
        run_id=request.run_id,
        at=run.clock.stamp(),
        user_id=request.user_id or last.user_id,
        endpoints={},
        requests=0,
        waited_seconds=0.0,
    )


def _known(run: Import, database: Database) -> str | None:
    from stages.extract.names import asked_name
    from stages.load import accounts

    name = asked_name(run.request.user)
    found = accounts(database, slug=name.slug) if not name.guessed else []
    return found[0].trakt_slug if found else None


def _user(run: Import, database: Database, slug: str, trakt_id: int | None) -> tuple[str, str]:
    """Whose library this profile goes to, and the slug on record; `BadInput` where it cannot be told, or would mix two."""
    from stages.load import accounts, blocked

    wanted = run.request.user_id
    if wanted is not None:
        found = accounts(database, user_id=wanted)
        if found and found[0].trakt_slug != slug and (trakt_id is None or found[0].trakt_user_id != trakt_id):
            raise BadInput(
                f"user {wanted} is on record as {found[0].trakt_slug}, not {slug}",
                f"To put the account over: trakt-import users add {slug} --user-id {wanted}",
            )
    else:
        found = accounts(database, slug=slug) or (accounts(database, trakt_user_id=trakt_id) if trakt_id else [])
        if len(found) > 1:
            raise BadInput(
                f"{slug} is on record for several users: {', '.join(account.user_id for account in found)}",
                "Say which one with --user-id.",
            )
    if found and found[0].blocked_at:
        raise blocked(slug)
    if not found:
        return database.check_user_id(wanted or slug), slug
    return found[0].user_id, found[0].trakt_slug
