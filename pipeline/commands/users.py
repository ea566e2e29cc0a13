"""`users`, `replay`: who is on record, and their libraries once more against today's catalogue."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import BadInput
from pipeline.state import State, tell, verbosity

if TYPE_CHECKING:
    from pipeline.run import Import
    from stages.load import Account


@click.group()
def users() -> None:
    """Who is imported, and who of them at night."""


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def users_list(state: State, as_json: bool) -> None:
    """Everybody on record."""
    from stages.database import open_database, prepare
    from stages.load import accounts

    with open_database(state.settings) as database:
        prepare(database)
        found = accounts(database)
    if as_json:
        click.echo(json.dumps([asdict(account) for account in found], ensure_ascii=False, default=str))
        return
    if not found:
        click.echo("Nobody yet. Add somebody with: trakt-import users add USER --nightly")
    for account in found:
        mark = "blocked" if account.blocked_at else "nightly" if account.nightly else ""
        imported = f"imported {account.last_imported_at}" if account.last_imported_at else "never imported"
        own = "" if account.user_id == account.trakt_slug else f"  user {account.user_id}"
        click.echo(f"{account.trakt_slug:<24}  {mark:<8}  {imported}{own}")


@users.command("add")
@click.argument("user")
@click.option("--user-id", help="The application's own id for the user.")
@click.option("--nightly/--no-nightly", default=None, help="Whether the nightly batch imports the user.")
@click.pass_obj
def users_add(state: State, user: str, user_id: str | None, nightly: bool | None) -> None:
    """Put a user on record, allow imports again, or put an account over to another profile (with --user-id)."""
    from stages.database import open_database, prepare
    from stages.extract.names import asked_name
    from stages.load import enlist

    name = asked_name(user)
    with open_database(state.settings) as database:
        prepare(database)
        said = enlist(database, slug=name.slug, username=name.typed, user_id=user_id or None, nightly=nightly)
    click.echo(said)


@click.command(short_help="Remove every trace of a user.")
@click.argument("user")
@click.option("--keep-library", is_flag=True, help="Leave what was imported in the library.")
@click.pass_obj
def forget(state: State, user: str, keep_library: bool) -> None:
    """Remove every trace of a user, and import the user no more until `users add` asks for it."""
    from pipeline.clock import Clock
    from pipeline.locks import user_lock
    from pipeline.upkeep.forget import forget_files, runs_of
    from stages.database import open_database, prepare
    from stages.extract.names import asked_name
    from stages.load import accounts, forget_rows

    slug = asked_name(user).slug
    storage, at = state.storage, Clock().stamp()
    with user_lock(storage, slug), open_database(state.settings) as database:
        prepare(database)
        known = accounts(database)
        found = [account for account in known if account.trakt_slug == slug]
        others = {account.trakt_slug for account in known} - {slug}
        runs = runs_of(storage, slug, [account.user_id for account in found], others)
        if not found and not runs:
            raise BadInput(f"{slug} is not on record", "List who is with: trakt-import users list")
        rows = forget_rows(database, storage, found, slug=slug, keep_library=keep_library, at=at)
        # The baseline lies in the files: they go after the rows.
        files = forget_files(storage, slug, runs)
    click.echo(f"{slug} is forgotten and blocked since {at}.")
    for name, count in (*rows.items(), *files.items()):
        if count:
            click.echo(f"{count:>8}  {name.replace('_', ' ')}")
    if keep_library:
        click.echo("What was imported stays in the library.")
    click.echo(f"To allow imports again: trakt-import users add {slug}")


@click.command()
@click.argument("names", metavar="[USER]...", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Everybody on record.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON array.")
@verbosity
@click.pass_obj
def replay(state: State, names: tuple[str, ...], everybody: bool, as_json: bool) -> int:
    """Load again what is staged.

    Against today's catalogue, without a request to Trakt.
    """
    from pipeline.clock import Clock
    from pipeline.display.console import Silent, progress_display
    from pipeline.events import ImportRequested
    from pipeline.importing import check_before
    from pipeline.replaying import replay_all
    from pipeline.run import Import, new_run_id

    if bool(names) == everybody:
        raise BadInput("name users, or --all", "Usage: trakt-import replay USER… | --all")
    clock = Clock()
    runs = [
        Import(
            state.settings,
            state.storage,
            clock,
            ImportRequested(
                run_id=new_run_id(), at=clock.stamp(), user=account.trakt_slug, user_id=account.user_id, source="replay"
            ),
            Silent(),
        )
        for account in _chosen(state, names)
    ]
    if not runs:
        click.echo("[]" if as_json else "Nobody to replay.")
        return 0
    check_before(runs[0].request, state.settings, state.storage)
    results: list[dict[str, Any]] = []

    def done(run: Import) -> None:
        results.append(_result(run))
        if not as_json:
            click.echo(_line(results[-1]))
        if run.error is not None:
            tell(state, results[-1], f"{run.request.user}: {results[-1]['error']}")

    with progress_display(state.settings, state.verbosity) as progress:
        runs[0].progress = progress
        replay_all(runs, done)
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False))
    return 9 if any("error" in result for result in results) else 0


def _chosen(state: State, names: tuple[str, ...]) -> list[Account]:
    """The accounts of these names, all of a name that are on record; of no name, everybody who is not blocked."""
    from stages.database import open_database, prepare
    from stages.extract.names import asked_name
    from stages.load import accounts, blocked

    with open_database(state.settings) as database:
        prepare(database)
        if not names:
            return [account for account in accounts(database) if not account.blocked_at]
        found: dict[str, Account] = {}
        for name in names:
            slug = asked_name(name).slug
            known = accounts(database, slug=slug)
            if not known:
                raise BadInput(f"{slug} is not on record", f"Import once with: trakt-import run {slug}")
            if any(account.blocked_at for account in known):
                raise blocked(slug)
            found |= {account.user_id: account for account in known}
        return list(found.values())


def _result(run: Import) -> dict[str, Any]:
    from pipeline.events import Loaded

    about: dict[str, Any] = {
        "run_id": run.request.run_id,
        "user": run.request.user,
        "user_id": run.request.user_id,
    }
    if run.error is not None:
        return about | {
            "error": getattr(run.error, "message", f"A bug: {run.error}"),
            "hint": getattr(run.error, "hint", ""),
        }
    loaded: Loaded = run.said(Loaded)
    titles = run.report["titles"] if run.report else {"newly_matched": [], "moved": []}
    return about | {
        "imported_count": loaded.imported_count,
        "skipped_count": loaded.skipped_count,
        "error_count": loaded.error_count,
        "matched": [row["name"] for row in titles["newly_matched"]],
        "moved": [row["name"] for row in titles["moved"]],
    }


def _line(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{result['user']}: failed: {result['error']}"
    told = "{imported_count} imported, {skipped_count} skipped, {error_count} errors".format(**result)
    more = [
        f"{what}: {', '.join(result[key][:5])}{' …' if len(result[key]) > 5 else ''}"
        for key, what in (("matched", "newly matched"), ("moved", "moved"))
        if result[key]
    ]
    return "; ".join([f"{result['user']}: {told}", *more])
