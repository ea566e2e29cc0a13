"""`runs`, `events`, `report`, `diff`, `undo`: look back, and put back."""

from __future__ import annotations

import json
from typing import Any

import click

from pipeline.errors import BadInput
from pipeline.state import State


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def runs(state: State, as_json: bool) -> None:
    """Every run, newest first."""
    from pipeline import journal

    rows = [journal.state(journal.Journal(state.storage, run_id).events()) for run_id in journal.run_ids(state.storage)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        click.echo("No run yet.")
    for row in rows:
        counts = [row[f"{name}_count"] for name in ("imported", "skipped", "error")]
        told = "" if counts[0] is None else "{} imported, {} skipped, {} errors".format(*counts)
        click.echo(
            f"{row['run_id']}  {row['requested_at']}  {row['trakt_slug'] or row['trakt_username']:<20}  {row['status']:<12} {told}"
        )


@click.command(short_help="The journal of a run.")
@click.argument("run_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def events(state: State, run_id: str | None, as_json: bool) -> None:
    """The journal of a run (the last one, if none is named)."""
    from pipeline import journal

    found = journal.Journal(state.storage, journal.find_run(state.storage, run_id)).events()
    rows = list(journal.as_json(found))
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        rest = {key: value for key, value in row.items() if key not in ("seq", "event", "run_id", "at")}
        click.echo(f"{row['seq']:>3}  {row['at']}  {row['event']:<16} {json.dumps(rest, ensure_ascii=False)}")


@click.command(short_help="The reconciliation of a run.")
@click.argument("run_id", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.pass_obj
def report(state: State, run_id: str | None, form: str) -> None:
    """The reconciliation of a run (the last one, if none is named).

    As HTML it is written to reports/ under DATA_URL, one file that needs no other, and its path is printed.
    """
    from pipeline import journal
    from pipeline.events import Extracted, ImportRequested, Loaded
    from stages.report import text, titles_of, write_page

    found = journal.find_run(state.storage, run_id)
    name = f"reports/{found}.json"
    if not state.storage.exists(name):
        raise BadInput(f"run {found} has no report", f"See why: trakt-import events {found}")
    result = json.loads(state.storage.read(name))
    if form == "text":
        click.echo(text(result))
        return
    said: dict[type, Any] = {type(event): event for event in journal.Journal(state.storage, found).events()}
    if form == "html":
        events = said[ImportRequested], said[Extracted], said[Loaded]
        click.echo(write_page(result, *events, storage=state.storage))
        return
    result["titles"]["each"] = titles_of(state.storage, said[Loaded])
    click.echo(json.dumps(result, ensure_ascii=False, indent=1))


@click.command()
@click.argument("run_id")
@click.pass_obj
def diff(state: State, run_id: str) -> None:
    """What a run changed for its user, in words."""
    from pipeline import journal
    from pipeline.events import Transformed
    from stages.load import LoadedRun
    from stages.load import diff as changes

    events = journal.Journal(state.storage, journal.find_run(state.storage, run_id)).events()
    run, wrote = journal.state(events), any(isinstance(event, Transformed) for event in events)
    name, at = run["trakt_slug"] or run["trakt_username"], run["finished_at"] or run["requested_at"]
    lines = []
    if run["status"] in ("completed", "undone") and wrote:
        loaded = LoadedRun(run["run_id"], run["batch_id"], run["user_id"], run["status"])
        lines = changes(loaded, storage=state.storage, snapshot=run["catalog_snapshot"])
    what = {"undone": ", undone since", "completed": ""}.get(run["status"], f", {run['status']}")
    click.echo(f"Run {run['run_id']} of {name}, {at}{what}: {'' if lines else 'nothing changed.'}".rstrip())
    if lines:
        click.echo("\n".join(lines))


@click.command(short_help="Put back what a run wrote.")
@click.argument("run_id")
@click.pass_obj
def undo(state: State, run_id: str) -> None:
    """Put back what a run wrote, newest run first; what something else has changed since is listed and left."""
    from pipeline.clock import Clock
    from pipeline.undoing import told, undo_run

    event, left = undo_run(run_id, settings=state.settings, storage=state.storage, clock=Clock())
    click.echo("\n".join(told(event, left)))
