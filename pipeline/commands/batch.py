"""`batch`: everybody who asked for it, tonight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import BadInput
from pipeline.state import State, tell, verbosity

if TYPE_CHECKING:
    from pipeline.night import Target
    from pipeline.run import Import

PROMETHEUS = "reports/trakt_import.prom"


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Everybody on record, marked nightly or not.")
@click.option("--users", "file", type=click.Path(path_type=Path), metavar="FILE", help="The names in FILE, one a line.")
@click.option("--full", is_flag=True, help="Read everything, changed or not.")
@click.option("--json", "as_json", is_flag=True, help="Print the batch report as one JSON object.")
@verbosity
@click.pass_obj
def batch(state: State, everybody: bool, file: Path | None, full: bool, as_json: bool) -> int:
    """Import everybody who is marked nightly. A batch that was killed goes on where it was."""
    import asyncio

    from pipeline.batch import Batch, prometheus, result_of
    from pipeline.clock import Clock
    from pipeline.console import crowd_display
    from pipeline.events import ImportRequested
    from pipeline.night import end_night, night
    from pipeline.run import check_before, new_run_id

    if everybody and file is not None:
        raise BadInput("both --all and --users", "Give one of them.")
    clock, storage = Clock(), state.storage
    check_before(
        ImportRequested(run_id=new_run_id(), at=clock.stamp(), user="", add_missing=False), state.settings, storage
    )
    chosen = _chosen(state, file, everybody)
    results: list[dict[str, Any]] = []
    began = clock.now()
    with night(storage, clock, full=full) as here, crowd_display(state.settings, state.verbosity) as display:
        if here.goes_on:
            tell(state, {"night_id": here.night_id, "goes_on": True}, f"going on with the batch of {here.at}")
        earlier = [_earlier(state, run_id) for run_id in here.done.values()]
        display.begin(sum(len(target.user_ids) for target in chosen), len(earlier))

        def done(run: Import) -> None:
            results.append(result_of(run))
            display.user(results[-1])

        work = Batch(state.settings, storage, clock, here, full, display, done)
        try:
            asyncio.run(work.run(chosen))
        finally:
            report: dict[str, Any] = {
                "users": [*earlier, *results],
                "requests": work.requests + sum(result["requests"] for result in earlier),
                "waited_seconds": round(work.waited, 1),
            }
            storage.write(PROMETHEUS, prometheus(report, began, clock.now()).encode())
        end_night(storage, here, {"night_id": here.night_id, "began_at": here.at, "ended_at": clock.stamp(), **report})
    failed = [result for result in report["users"] if result["status"] == "failed"]
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        click.echo(_told(report, failed))
    return 9 if failed else 0


def _chosen(state: State, file: Path | None, everybody: bool) -> list[Target]:
    from pipeline.night import read_names, targets
    from stages.database import open_database

    names = None if file is None else read_names(file)
    with open_database(state.settings) as database:
        return targets(database, names=names, everybody=everybody)


def _earlier(state: State, run_id: str) -> dict[str, Any]:
    """What the report says of a run that the same night did before it was interrupted."""
    from pipeline.batch import result_of
    from pipeline.clock import Clock
    from pipeline.console import Silent
    from pipeline.errors import TraktImportError
    from pipeline.events import ImportFailed, ImportRequested
    from pipeline.journal import Journal
    from pipeline.run import Import

    events = Journal(state.storage, run_id).events()
    request = events[0]
    assert isinstance(request, ImportRequested)
    run = Import(state.settings, state.storage, Clock(), request, Silent(), events=events)
    last = events[-1]
    if isinstance(last, ImportFailed):
        run.error = TraktImportError(hint=last.hint, text=last.error)
        run.error.exit_code = last.exit_code
    return result_of(run)


def _told(report: dict[str, Any], failed: list[dict[str, Any]]) -> str:
    users = report["users"]
    changed = sum(user["status"] == "changed" for user in users)
    lines = [f"failed: {user['user']}: {user['error']}" for user in failed]
    lines.append(
        f"{len(users)} users: {changed} changed, {len(users) - changed - len(failed)} unchanged, {len(failed)} failed; "
        f"{report['requests']} requests, {report['waited_seconds']:.0f} s waited for the limit"
    )
    if not users:
        lines.append("Nobody is marked nightly. Add somebody with: trakt-import users add USER --nightly")
    return "\n".join(lines)
