"""Is everything ready for an import? One line for each thing that must be, with what mends it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pipeline.clock import Clock
from pipeline.errors import ConfigurationError, DatabaseError, StorageError, TraktImportError

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.storage import Storage
    from stages.database import Database
    from stages.extract.client import Answer

PATIENCE = 5.0  # seconds for Trakt to answer
SKEW = 60.0  # seconds that the clocks may differ
LATE = 48.0  # hours after which a nightly user is late
LEAST_FREE = 2**30  # bytes
SHOWN = 20
ROOMS = ("staged", "resolved", "loaded", "before", "catalog", "runs", "reports")
WRITTEN = ("library_entries", "season_entries", "episode_entries", "watches")
RECORDS = ("trakt_accounts", "import_runs")


@dataclass(frozen=True)
class Line:
    """What was looked at and how it is; `mend` is empty where all is well, `exit_code` what it means where not."""

    name: str
    text: str
    mend: str = ""
    exit_code: int = 9

    @property
    def ok(self) -> bool:
        """Whether nothing is to be done."""
        return not self.mend


def examine(settings: Settings, storage: Storage, clock: Clock) -> Iterator[Line]:
    """Look at everything, in the order in which an import needs it."""
    yield from _trakt(settings, clock)
    yield from _database(settings, storage, clock)
    yield from _storage(storage)


def _told(name: str, error: TraktImportError) -> Line:
    return Line(name, error.message, error.hint or "See the README, under Troubleshooting.", error.exit_code)


def _trakt(settings: Settings, clock: Clock) -> Iterator[Line]:
    try:
        settings.require_client_id()
        yield Line("key", "TRAKT_CLIENT_ID is set")
    except ConfigurationError as error:
        yield _told("key", error)
        return
    try:
        answer = asyncio.run(_ask(settings, clock))
    except TraktImportError as error:
        yield _told("trakt", error)
        return
    yield Line("trakt", f"{settings.api_url} answers")
    yield _limit(answer)
    yield _clock(answer, clock)


async def _ask(settings: Settings, clock: Clock) -> Answer:
    from stages.extract.client import Answer, Client, Refused
    from stages.extract.profile import NEUTRAL

    hurried = dataclasses.replace(settings, patience=min(settings.patience, PATIENCE), max_wait=PATIENCE)
    async with Client(hurried, clock, lambda seconds, reason: None) as client:
        try:
            return await client.get(NEUTRAL)
        except Refused as refusal:
            if refusal.status in (401, 403, 426):
                raise ConfigurationError(
                    f"it answered {refusal.status}",
                    "Look whether the app still stands in Trakt's settings, and whether its owner's VIP lasts.",
                    "API key refused",
                ) from None
            return Answer(refusal.status, {}, [])


def _limit(answer: Answer) -> Line:
    try:
        told = json.loads(answer.headers.get("x-ratelimit", ""))
        left, limit, period = int(told["remaining"]), int(told["limit"]), int(told["period"])
    except (ValueError, KeyError, TypeError):
        return Line("limit", "Trakt does not say how many requests are left")
    text = f"{left} of {limit} requests left in these {period} s"
    return Line("limit", text, "" if left > 0 else "Wait some minutes.", 6)


def _clock(answer: Answer, clock: Clock) -> Line:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return Line("clock", "Trakt does not say what time it is")
    skew = abs(clock.now() - theirs)
    return Line("clock", f"{skew:.0f} s off Trakt's", "" if skew <= SKEW else "Set this machine's clock (UTC).")


def _database(settings: Settings, storage: Storage, clock: Clock) -> Iterator[Line]:
    from stages.database import open_database

    try:
        with open_database(settings) as database:
            version = database.version()
            yield Line("database", f"{settings.database} answers")
            if version is None:
                yield Line("schema", "no tables yet: the first command that writes makes them")
                yield Line("catalogue", "Catalogue is empty", "trakt-import catalog load FILE, or run --add-missing", 3)
                return
            yield _schema(database, version)
            yield _rights(database)
            yield _catalogue(database)
            yield _coverage(storage)
            yield from _users(database, clock)
    except DatabaseError as error:
        yield _told("database", error)


def _schema(database: Database, version: int) -> Line:
    from stages.database import prepare

    try:
        prepare(database)
        return Line("schema", f"version {version}")
    except DatabaseError as error:
        return _told("schema", error)


class _Undo(Exception):
    """Ends a transaction that is not to write anything."""


def _rights(database: Database) -> Line:
    """Every statement that an import needs, over no rows."""
    statements = [f"insert into {table} select * from {table} where 1 = 0" for table in (*RECORDS, *WRITTEN)]
    statements += [f"update {table} set user_id = user_id where 1 = 0" for table in (*RECORDS, *WRITTEN)]
    statements += [f"delete from {table} where 1 = 0" for table in WRITTEN]
    try:
        with database.transaction():
            for statement in ("create temporary table doctor_rights (one bigint)", *statements):
                database.execute(statement)
            raise _Undo
    except _Undo:
        return Line("rights", "every table may be written")
    except DatabaseError as error:
        return _told("rights", error)


def _catalogue(database: Database) -> Line:
    count, *ids = database.execute(
        "select count(*), count(trakt_id), count(imdb_id), count(tmdb_id), count(tvdb_id) from titles"
    )[0]
    if not count:
        return Line("catalogue", "Catalogue is empty", "trakt-import catalog load FILE, or run --add-missing", 3)
    names = ("Trakt", "IMDb", "TMDB", "TVDB")
    shares = ", ".join(f"{name} {100 * number / count:.0f} %" for name, number in zip(names, ids, strict=True))
    return Line("catalogue", f"{count} titles; ids: {shares}")


def _coverage(storage: Storage) -> Line:
    from pipeline.lake.connection import Lake

    try:
        lake = Lake(storage, "latest_outcomes").connection
        titles, matched = lake.execute("select count(*), count(title_id) from latest_outcomes").fetchall()[0]
    except StorageError as error:
        return _told("coverage", error)
    if not titles:
        return Line("coverage", "no user is imported yet")
    return Line(
        "coverage", f"{matched} of the users' {titles} titles are in the catalogue ({100 * matched / titles:.1f} %)"
    )


def _users(database: Database, clock: Clock) -> Iterator[Line]:
    rows = database.execute(
        "select cast(user_id as text), trakt_slug, last_imported_at from trakt_accounts "
        "where nightly and blocked_at is null order by last_imported_at, trakt_slug"
    )
    for user_id, slug, stamp in rows[:SHOWN]:
        who = f"{slug} (user {user_id})"
        if stamp is None:
            yield Line("nightly", f"{who}: never imported", "trakt-import batch, and see what its report says")
            continue
        hours = (clock.now() - dt.datetime.fromisoformat(str(stamp)).timestamp()) / 3600
        mend = "" if hours <= LATE else "trakt-import batch, and see what its report says"
        yield Line("nightly", f"{who}: last success {hours:.0f} h ago", mend)
    if len(rows) > SHOWN:
        yield Line("nightly", f"{len(rows) - SHOWN} more, all of them imported later than these")


def _storage(storage: Storage) -> Iterator[Line]:
    probe = f"locks/.doctor-{os.getpid()}"
    try:
        storage.write(probe, b"")
        storage.remove(probe)
        sizes = {room: _size(storage, room) for room in ROOMS}
        free = shutil.disk_usage(storage.root).free
    except StorageError as error:
        yield _told("disk", error)
        return
    used = ", ".join(f"{room} {_written(size)}" for room, size in sizes.items() if size)
    text = f"{_written(sum(sizes.values()))} under DATA_URL ({used or 'nothing yet'}); {_written(free)} free"
    mend = "" if free >= LEAST_FREE else "Free some space: set RETENTION_DAYS, then trakt-import compact"
    yield Line("disk", text, mend, 7)


def _size(storage: Storage, room: str) -> int:
    return sum(file.stat().st_size for file in (storage.root / room).rglob("*") if file.is_file())


def _written(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
