"""`run` and `resume`: bring profiles over."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import BadInput, Superseded, TraktImportError
from pipeline.state import State, tell, verbosity

if TYPE_CHECKING:
    from pipeline.run import Import


@click.command()
@click.argument("user", required=False)
@click.option(
    "--request", "request_file", metavar="FILE", help='Take the user from {"trakt_username": "…"}; - is stdin.'
)
@click.option("--user-id", help="The application's own id for the user.")
@click.option(
    "--mode",
    type=click.Choice(["update", "new", "overwrite"]),
    default="update",
    show_default=True,
    help="update: the application's own changes stay; new: titles that the user has are left alone; "
    "overwrite: Trakt's side of everything.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change; write no row.")
@click.option("--full", is_flag=True, help="Read everything, changed or not.")
@click.option("--add-missing", is_flag=True, help="Add titles that the catalogue lacks.")
@click.option("--accept-empty", multiple=True, metavar="ENDPOINT", help="Believe that this endpoint is empty now.")
@click.option("--prune", is_flag=True, help="Delete rows whose fact has left Trakt and that nobody changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@verbosity
@click.pass_obj
def run(
    state: State,
    user: str | None,
    request_file: str | None,
    user_id: str | None,
    mode: Any,
    dry_run: bool,
    full: bool,
    add_missing: bool,
    accept_empty: tuple[str, ...],
    prune: bool,
    as_json: bool,
) -> int:
    """Import one profile.

    USER is the name in the profile's address; the address itself will do. What the catalogue lacks, and everything else
    that became of the profile's records, stands in the report: `trakt-import report`.
    """
    from pipeline.clock import Clock
    from pipeline.display.console import progress_display
    from pipeline.events import ImportRequested
    from pipeline.importing import check_before, import_user, resume_import
    from pipeline.run import new_run_id
    from pipeline.unfinished import leftover
    from stages.extract.endpoints import LISTS
    from stages.extract.names import asked_name

    user = _user(user, request_file)
    asked_name(user)
    unknown = sorted(set(accept_empty) - {endpoint.name for endpoint in LISTS})
    if unknown:
        names = ", ".join(sorted(endpoint.name for endpoint in LISTS))
        raise BadInput(f"--accept-empty {unknown[0]}: no such endpoint", f"It is one of {names}.")
    clock = Clock()
    request = ImportRequested(
        run_id=new_run_id(),
        at=clock.stamp(),
        user=user,
        user_id=user_id or None,
        mode=mode,
        dry_run=dry_run,
        full=full,
        add_missing=add_missing,
        accept_empty=accept_empty,
        prune=prune,
    )
    check_before(request, state.settings, state.storage)
    found = leftover(request, state.storage, clock)
    state.run_id = found or request.run_id
    with progress_display(state.settings, state.verbosity) as progress:
        parts: dict[str, Any] = {
            "settings": state.settings,
            "storage": state.storage,
            "clock": clock,
            "progress": progress,
        }
        if found is None:
            done = import_user(request, **parts)
        else:
            tell(state, {"resumes": found}, f"going on with run {found}, which was left unfinished")
            done = resume_import(found, **parts)
    _tell(state, done, as_json)
    return 0


def _tell(state: State, done: Import, as_json: bool) -> None:
    from pipeline.display.summary import counts, doubt_lines, summary, summary_lines
    from pipeline.events import Loaded

    if as_json:
        click.echo(json.dumps(summary(state.storage, done.said(Loaded)), ensure_ascii=False))
    else:
        click.echo("\n".join(summary_lines(counts(done.said(Loaded)), done.report or {})))
    doubts = (done.report or {}).get("doubts", [])
    if state.settings.log_format == "json":
        for doubt in doubts:
            tell(state, {"doubt": doubt}, "")
    else:
        for line in doubt_lines(doubts, state.verbosity > 0):
            tell(state, {}, line)


@click.command()
@click.argument("run_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON array.")
@verbosity
@click.pass_obj
def resume(state: State, run_id: str | None, as_json: bool) -> int:
    """Finish what was left unfinished.

    By a crash, an interruption, or exit 6 or 7; any other failed run only by its id.
    """
    from pipeline.clock import Clock
    from pipeline.display.console import progress_display
    from pipeline.display.summary import summary, summary_lines
    from pipeline.events import Loaded
    from pipeline.importing import resume_import
    from pipeline.journal import find_run
    from pipeline.unfinished import unfinished

    state.settings.require_client_id()
    chosen = [find_run(state.storage, run_id)] if run_id else unfinished(state.storage)
    results, failed = [], []
    for number in chosen:
        try:
            with progress_display(state.settings, state.verbosity) as progress:
                done = resume_import(
                    number, settings=state.settings, storage=state.storage, clock=Clock(), progress=progress
                )
        except TraktImportError as error:
            if run_id:
                state.run_id = number
                raise
            if not isinstance(error, Superseded):
                failed.append(number)
            tell(state, {"run_id": number, "error": error.message, "hint": error.hint}, f"{number}: {error.message}")
            continue
        results.append({"run_id": number, **summary(state.storage, done.said(Loaded))})
        if not as_json:
            click.echo("\n".join([f"run {number}", *summary_lines(results[-1], done.report or {})]))
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False))
    elif not results and not failed:
        click.echo("Nothing to resume.")
    return 9 if failed else 0


def _user(user: str | None, request_file: str | None) -> str:
    if request_file is not None:
        if user is not None:
            raise BadInput("both USER and --request", "Give one of them.")
        try:
            data = sys.stdin.buffer.read() if request_file == "-" else Path(request_file).read_bytes()
            asked = json.loads(data.decode("utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            raise BadInput(
                f"{request_file} cannot be read ({type(error).__name__})", 'It holds {"trakt_username": "…"}.'
            ) from None
        user = asked.get("trakt_username") if isinstance(asked, dict) else None
        if not isinstance(user, str):
            raise BadInput(f"{request_file} has no trakt_username", 'It holds {"trakt_username": "…"}.')
    if user is None or not user.strip():
        raise BadInput("the username is empty", "Usage: trakt-import run USER")
    return user
