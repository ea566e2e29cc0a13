"""A night: who is to be imported in it, and what of it is done, so that a batch that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.clock import Clock
from pipeline.errors import BadInput, ConfigurationError, TraktImportError
from pipeline.events import ImportFailed, ImportRequested
from pipeline.journal import Journal
from pipeline.locks import night_lock
from pipeline.run import new_run_id
from pipeline.storage import Storage
from pipeline.unfinished import is_open

if TYPE_CHECKING:
    from stages.database import Database
    from stages.load import Account

# A night that was left unfinished so long ago (seconds) is over.
OVER = 20 * 3600.0


@dataclass(frozen=True)
class Target:
    """One profile, and the application's users whose libraries it goes to; `known` is its slug where it was met before.

    `refused` says why nobody of it is to be imported.
    """

    name: str
    known: str | None
    user_ids: tuple[str | None, ...]
    refused: TraktImportError | None = None


class Begun(msgspec.Struct):
    """What `nights/<night_id>/begun.json` holds."""

    at: str
    full: bool


@dataclass
class Night:
    """The batch of one night; `left` are the runs that it began and did not end: (name, user id) to run id."""

    night_id: str
    at: str
    goes_on: bool = False
    left: dict[tuple[str, str | None], str] = field(default_factory=dict)
    done: dict[tuple[str, str | None], str] = field(default_factory=dict)


@contextlib.contextmanager
def night(storage: Storage, clock: Clock, *, full: bool) -> Iterator[Night]:
    """Tonight: the night that was left unfinished, or a new one; `Running` while another batch is at work."""
    with night_lock(storage):
        here = _unfinished(storage, clock, full)
        if here is None:
            here = Night(new_run_id(), clock.stamp())
            storage.write(f"nights/{here.night_id}/begun.json", msgspec.json.encode(Begun(here.at, full)))
        yield here


def end_night(storage: Storage, here: Night, report: dict[str, Any]) -> None:
    """Write the night's report: with it the night is over."""
    storage.write(f"nights/{here.night_id}/report.json", msgspec.json.format(msgspec.json.encode(report), indent=1))


def _unfinished(storage: Storage, clock: Clock, full: bool) -> Night | None:
    for night_id in reversed(storage.names("nights")):
        if storage.exists(f"nights/{night_id}/report.json"):
            return None
        begun = msgspec.json.decode(storage.read(f"nights/{night_id}/begun.json"), type=Begun)
        if begun.full != full or clock.now() - dt.datetime.fromisoformat(begun.at).timestamp() > OVER:
            return None
        here = Night(night_id, begun.at, goes_on=True)
        _recall(storage, here)
        return here
    return None


def _recall(storage: Storage, here: Night) -> None:
    # Ids sort by time: what is older than the night is not of it.
    for run_id in (name for name in storage.names("runs") if name > here.night_id):
        events = Journal(storage, run_id).events()
        request = events[0] if events else None
        if not isinstance(request, ImportRequested) or request.night_id != here.night_id:
            continue
        key = (request.user, request.user_id)
        last = events[-1]
        if isinstance(last, ImportFailed) and last.exit_code == ConfigurationError.exit_code:
            # What stopped the whole night was nothing of this user's.
            continue
        if is_open(events):
            here.left[key] = run_id
        elif not isinstance(last, ImportFailed) or key not in here.done:
            here.done[key] = run_id
            here.left.pop(key, None)


def targets(database: Database, *, names: Iterable[str] | None, everybody: bool) -> list[Target]:
    """Who is to be imported, each profile once: those marked nightly, everybody, or these names.

    Blocked users are left out; a profile that is named and has no others says so as `refused`, and stops nobody.
    """
    from stages.load import accounts

    if names is None:
        return _profiles(accounts(database, nightly=None if everybody else True))
    known: dict[str, list[Account]] = {}
    for account in accounts(database):
        known.setdefault(account.trakt_slug, []).append(account)
    return _named(names, known)


def _named(names: Iterable[str], known: dict[str, list[Account]]) -> list[Target]:
    from stages.extract.names import asked_name
    from stages.load import blocked

    found: dict[str, Target] = {}
    for name in names:
        try:
            asked = asked_name(name)
        except TraktImportError:
            # It is told of as any other who fails, and stops nobody.
            found[name] = Target(name, None, (None,))
            continue
        slug = asked.slug
        of_slug = known.get(slug, [])
        if not of_slug:
            found[slug] = Target(asked.typed, None, (None,))
        else:
            found[slug] = next(iter(_profiles(of_slug)), Target(slug, slug, (None,), blocked(slug)))
    return list(found.values())


def _profiles(accounts: Iterable[Account]) -> list[Target]:
    found: dict[str, list[Account]] = {}
    for account in accounts:
        if not account.blocked_at:
            found.setdefault(account.trakt_slug, []).append(account)
    return [
        # One who was never met is asked for by the name that was given: it may be more than the slug tells.
        Target(slug, slug, users)
        if any(account.trakt_user_id or account.last_imported_at for account in of_slug)
        else Target(of_slug[0].trakt_username or slug, None, users)
        for slug, of_slug in found.items()
        for users in [tuple(account.user_id for account in of_slug)]
    ]


def read_names(file: Path) -> list[str]:
    """The names in a file, one a line; blank lines and those that begin with # are left out."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read ({type(error).__name__})", "It holds one username a line.") from None
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
