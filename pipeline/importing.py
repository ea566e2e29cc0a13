"""One profile, from the command to the report: what is looked at first, the run itself, a run taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.clock import Clock
from pipeline.display.console import Display
from pipeline.errors import BadInput
from pipeline.events import Ended, ImportRequested
from pipeline.microbatch import finish
from pipeline.run import Import, take_up
from pipeline.settings import Settings
from pipeline.storage import Storage

if TYPE_CHECKING:
    from stages.database import Database


def check_before(request: ImportRequested, settings: Settings, storage: Storage) -> None:
    """Everything that can be told before the first request: key, tables, catalogue."""
    from stages.catalog import current_snapshot
    from stages.database import open_database, prepare

    if request.source == "api":
        settings.require_client_id()
    with open_database(settings) as database:
        prepare(database)
        if request.add_missing and database.titles_is_view():
            raise BadInput(
                "--add-missing cannot add to titles, which is a view", "Add the titles to the application's own tables."
            )
        if request.add_missing and database.title_id_type != "text":
            raise BadInput(
                f"--add-missing makes text ids, titles has {database.title_id_type}",
                "Add the titles to the application's own tables.",
            )
        if request.user and request.source == "api":
            _refuse_blocked(request.user, database)
        current_snapshot(database, storage, allow_empty=request.add_missing)


def _refuse_blocked(user: str, database: Database) -> None:
    """Whoever is blocked is not even asked for, and leaves no journal."""
    from stages.extract.names import asked_name
    from stages.load import accounts, blocked

    slug = asked_name(user).slug
    found = accounts(database, slug=slug)
    if found and all(account.blocked_at for account in found):
        raise blocked(slug)


def import_user(
    request: ImportRequested, *, settings: Settings, storage: Storage, clock: Clock, progress: Display
) -> Import:
    """Run one import to its end, in this process.

    Raises the `TraktImportError` that ended it, after an `ImportFailed` event; `KeyboardInterrupt` likewise.
    `Unbalanced` where the report's equations do not hold: everything is written then, and the report says what.
    """
    run = Import(settings, storage, clock, request, progress)
    run.begin()
    return _alone(run)


def resume_import(run_id: str, *, settings: Settings, storage: Storage, clock: Clock, progress: Display) -> Import:
    """Go on with a run from its last event; ends as `import_user` does.

    A run that is older than its user's last completed one is closed as failed (superseded), never loaded: `BadInput`.
    """
    run = take_up(run_id, settings=settings, storage=storage, clock=clock, progress=progress)
    if isinstance(run.last, Ended):
        raise BadInput(f"run {run_id} is finished", f"See: trakt-import report {run_id}")
    return _alone(run)


def _alone(run: Import) -> Import:
    finish([run])
    if run.error is not None:
        raise run.error
    return run
