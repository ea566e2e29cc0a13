"""The command line. Results go to stdout; progress, logs and errors to stderr."""

from __future__ import annotations

import json
import os
import signal
import sys

import click

from pipeline.commands import batch, catalog, db, importing, looking, query, upkeep, users
from pipeline.errors import BadInput, TraktImportError
from pipeline.state import State, tell, verbosity
from pipeline.version import VERSION

INTERRUPTED = 130
LAYOUT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def run_cli(arguments: list[str]) -> int:
    """Run a command line; the exit code. No exception leaves it."""
    state = State()
    os.umask(0o077)  # what is staged is somebody's private history
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return _run(state, arguments)
    except KeyboardInterrupt:
        # Once more while the ending was being told.
        return INTERRUPTED


def _run(state: State, arguments: list[str]) -> int:
    try:
        _refuse_bytes(arguments)
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
        imports = any(name in arguments for name in ("run", "resume", "batch", "replay"))
        hint = "Go on with: trakt-import resume" if imports else "Nothing is left half-done: call it again."
        code = _end(state, arguments, "Interrupted", hint, INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        said = f"A bug: {type(error).__name__}: {error}"
        code = _end(state, arguments, said, "Please report it with this line; nothing staged is lost.", 1)
    if state.run_id:
        tell(state, {"run_id": state.run_id}, f"run {state.run_id}")
    return code


def _refuse_bytes(arguments: list[str]) -> None:
    """Raise `BadInput` where a shell of another encoding hands over what is no text: no file, no database takes it."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise BadInput(f"{argument!a} is not UTF-8", "Look at the encoding of this terminal.") from None


def _end(state: State, arguments: list[str], error: str, hint: str, code: int) -> int:
    if "--json" in arguments:
        click.echo(json.dumps({"error": error, "hint": hint, "run_id": state.run_id}, ensure_ascii=False))
    else:
        tell(state, {"error": error, "hint": hint}, "\n".join(filter(None, (click.style(error, fg="red"), hint))))
    return code


@click.group(invoke_without_command=True, context_settings=LAYOUT)
@click.version_option(VERSION, prog_name="trakt-import")
@verbosity
@click.pass_context
def cli(context: click.Context) -> None:
    """Bring a public Trakt profile into your application's library, and account for every record.

    The result of a command goes to stdout; progress, doubts and errors go to stderr. `trakt-import COMMAND --help` tells
    more of each.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
    if os.environ.get("NO_COLOR"):
        context.color = False


for command in (
    importing.run,
    importing.resume,
    looking.runs,
    looking.events,
    looking.report,
    looking.diff,
    looking.undo,
    catalog.catalog,
    query.query,
    batch.batch,
    users.users,
    users.replay,
    users.forget,
    upkeep.compact,
    upkeep.doctor,
    db.db,
):
    cli.add_command(command)
