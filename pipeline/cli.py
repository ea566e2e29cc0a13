"""The command line. Results go to stdout; progress, logs and errors to stderr."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import BadInput, TraktImportError

if TYPE_CHECKING:
    from pipeline.run import Import
    from pipeline.settings import Settings
    from pipeline.storage import Storage

VERSION = "0.1.0"
INTERRUPTED = 130


class State:
    """What every command shares: settings and storage, read when first needed, and the run under way."""

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.verbosity = 0
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        if self._settings is None:
            from pipeline.settings import load_settings

            self._settings = load_settings()
        return self._settings

    @property
    def storage(self) -> Storage:
        """The files under `DATA_URL`."""
        from pipeline.storage import Storage

        return Storage(self.settings.data_url)


def run_cli(arguments: list[str]) -> int:
    """Run a command line; the exit code. No exception leaves it."""
    state = State()
    os.umask(0o077)  # what is staged is somebody's private history
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        result = cli.main(args=arguments, prog_name="trakt-import", standalone_mode=False, obj=state)
        code = result if isinstance(result, int) else 0
    except TraktImportError as error:
        code = _end(state, arguments, error.message, error.hint, error.exit_code)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"See: {context.command_path} --help" if context else "See: trakt-import --help"
        code = _end(state, arguments, f"Bad input: {error.format_message()}", hint, 2)
    except (KeyboardInterrupt, click.Abort):
        code = _end(state, arguments, "Interrupted", "Go on with: trakt-import resume", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        said = f"A bug: {type(error).__name__}: {error}"
        code = _end(state, arguments, said, "Please report it with this line; nothing staged is lost.", 1)
    if state.run_id:
        _line(state, {"run_id": state.run_id}, f"run {state.run_id}")
    return code


def _end(state: State, arguments: list[str], error: str, hint: str, code: int) -> int:
    if "--json" in arguments:
        click.echo(json.dumps({"error": error, "hint": hint, "run_id": state.run_id}, ensure_ascii=False))
    else:
        _line(state, {"error": error, "hint": hint}, "\n".join(filter(None, (error, hint))))
    return code


def _line(state: State, record: dict[str, Any], text: str) -> None:
    try:
        as_json = state.settings.log_format == "json"
    except TraktImportError:
        as_json = False
    click.echo(json.dumps(record, ensure_ascii=False) if as_json else text, err=True)


@click.group(invoke_without_command=True)
@click.version_option(VERSION, prog_name="trakt-import")
@click.option("-v", "--verbose", count=True, help="Say more on stderr.")
@click.option("-q", "--quiet", count=True, help="Say less on stderr.")
@click.pass_context
def cli(context: click.Context, verbose: int, quiet: int) -> None:
    """Bring a public Trakt profile into your application's library, and account for every record."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    state: State = context.obj
    state.verbosity = verbose - quiet


@cli.command()
@click.argument("user", required=False)
@click.option(
    "--request", "request_file", metavar="FILE", help='Take the user from {"trakt_username": "…"}; - is stdin.'
)
@click.option("--user-id", help="The application's own id for the user.")
@click.option("--mode", type=click.Choice(["update", "new", "overwrite"]), default="update", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what would change; write no row.")
@click.option("--full", is_flag=True, help="Read everything, changed or not.")
@click.option("--add-missing", is_flag=True, help="Add titles that the catalogue lacks.")
@click.option("--accept-empty", multiple=True, metavar="ENDPOINT", help="Believe that this endpoint is empty now.")
@click.option("--prune", is_flag=True, help="Delete rows whose fact has left Trakt and that nobody changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
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
    """Import one profile."""
    from pipeline.clock import Clock
    from pipeline.console import progress_display
    from pipeline.events import ImportRequested
    from pipeline.run import check_before, import_user, new_run_id
    from stages.extract.names import asked_name

    user = _user(user, request_file)
    asked_name(user)
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
    state.run_id = request.run_id
    with progress_display(state.settings, state.verbosity) as progress:
        done = import_user(request, settings=state.settings, storage=state.storage, clock=clock, progress=progress)
    _tell(state, done, as_json)
    return 0


def _tell(state: State, done: Import, as_json: bool) -> None:
    from pipeline.summary import summary, summary_lines

    result = summary(state.storage, done)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        click.echo("\n".join(summary_lines(result, done.report or {})))
    for doubt in (done.report or {}).get("doubts", []):
        _line(state, {"doubt": doubt}, f"doubt: {doubt['endpoint']}: {doubt['text']}")


@cli.command()
@click.argument("run_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON array.")
@click.pass_obj
def resume(state: State, run_id: str | None, as_json: bool) -> int:
    """Finish what a crash, an interruption, or exit 6 or 7 left unfinished; any other failed run by its id."""
    from pipeline.clock import Clock
    from pipeline.console import progress_display
    from pipeline.journal import find_run
    from pipeline.run import resume_import, unfinished
    from pipeline.summary import summary, summary_lines

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
            failed.append(number)
            _line(state, {"run_id": number, "error": error.message, "hint": error.hint}, f"{number}: {error.message}")
            continue
        results.append({"run_id": number, **summary(state.storage, done)})
        if not as_json:
            click.echo("\n".join([f"run {number}", *summary_lines(results[-1], done.report or {})]))
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False))
    elif not chosen:
        click.echo("Nothing to resume.")
    return 9 if failed else 0


def _user(user: str | None, request_file: str | None) -> str:
    if request_file is not None:
        if user is not None:
            raise BadInput("both USER and --request", "Give one of them.")
        try:
            text = sys.stdin.read() if request_file == "-" else Path(request_file).read_text(encoding="utf-8-sig")
            asked = json.loads(text)
        except (OSError, ValueError) as error:
            raise BadInput(
                f"{request_file} cannot be read ({type(error).__name__})", 'It holds {"trakt_username": "…"}.'
            ) from None
        user = asked.get("trakt_username") if isinstance(asked, dict) else None
        if not isinstance(user, str):
            raise BadInput(f"{request_file} has no trakt_username", 'It holds {"trakt_username": "…"}.')
    if user is None or not user.strip():
        raise BadInput("the username is empty", "Usage: trakt-import run USER")
    return user


@cli.command()
@click.option("--json", "as_json", is_flag=True)
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


@cli.command()
@click.argument("run_id", required=False)
@click.option("--json", "as_json", is_flag=True)
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


@cli.command()
@click.argument("run_id", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def report(state: State, run_id: str | None, form: str) -> None:
    """The reconciliation of a run (the last one, if none is named)."""
    from pipeline import journal
    from stages.report import text

    found = journal.find_run(state.storage, run_id)
    name = f"reports/{found}.json"
    if not state.storage.exists(name):
        raise BadInput(f"run {found} has no report", f"See why: trakt-import events {found}")
    content = state.storage.read(name)
    click.echo(content.decode() if form == "json" else text(json.loads(content)))


@cli.group()
def catalog() -> None:
    """Fill and freeze the catalogue."""


@catalog.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["auto", "csv", "parquet"]), default="auto", show_default=True)
@click.option("--map", "maps", multiple=True, metavar="OURS=THEIRS", help="The file's name of one of our columns.")
@click.option("--replace", is_flag=True, help="Remove titles that are not in the file and that no entry uses.")
@click.pass_obj
def catalog_load(state: State, file: Path, form: str, maps: tuple[str, ...], replace: bool) -> None:
    """Upsert the titles of a file, all or nothing."""
    from pipeline.clock import Clock
    from stages.catalog import load_catalogue
    from stages.catalog.filling import COLUMNS
    from stages.database import open_database

    columns = dict(item.partition("=")[::2] for item in maps)
    wrong = [item for item in maps if "=" not in item or item.partition("=")[0] not in COLUMNS]
    if wrong:
        raise BadInput(f"--map {wrong[0]}", f"OURS=THEIRS, where OURS is one of {', '.join(COLUMNS)}.")
    with open_database(state.settings) as database:
        database.prepare()
        filled = load_catalogue(
            file, database=database, at=Clock().stamp(), kind=form, columns=columns, replace=replace
        )
    removed = f", {filled.removed} removed" if replace else ""
    click.echo(f"{filled.read} titles read, {filled.written} new or changed{removed}")
    for line in filled.shared:
        click.echo(f"an id used twice: {line}", err=True)


@catalog.command("snapshot")
@click.pass_obj
def catalog_snapshot(state: State) -> None:
    """Freeze the catalogue as it is now."""
    from stages.catalog import take_snapshot
    from stages.database import open_database

    with open_database(state.settings) as database:
        database.prepare()
        click.echo(take_snapshot(database, state.storage))
