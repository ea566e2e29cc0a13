"""`batch`: everybody who asked for it, tonight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import BadInput
from pipeline.state import State, verbosity

if TYPE_CHECKING:
    from pipeline.night import Target


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Everybody on record, marked nightly or not.")
@click.option("--users", "file", type=click.Path(path_type=Path), metavar="FILE", help="The names in FILE, one a line.")
@click.option("--full", is_flag=True, help="Read everything, changed or not.")
@click.option("--json", "as_json", is_flag=True, help="Print the batch report as one JSON object.")
@verbosity
@click.pass_obj
def batch(state: State, everybody: bool, file: Path | None, full: bool, as_json: bool) -> int:
    """Import everybody who is marked nightly. A batch that was killed goes on where it was."""
    from pipeline.batch import run_night
    from pipeline.clock import Clock
    from pipeline.display.console import crowd_display
    from pipeline.events import ImportRequested
    from pipeline.importing import check_before
    from pipeline.run import new_run_id

    if everybody and file is not None:
        raise BadInput("both --all and --users", "Give one of them.")
    clock = Clock()
    check_before(
        ImportRequested(run_id=new_run_id(), at=clock.stamp(), user="", add_missing=False),
        state.settings,
        state.storage,
    )
    chosen = _chosen(state, file, everybody)
    with crowd_display(state.settings, state.verbosity) as display:
        report = run_night(
            chosen, settings=state.settings, storage=state.storage, clock=clock, full=full, display=display
        )
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
