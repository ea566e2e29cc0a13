"""What every command of one process shares."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.errors import TraktImportError

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.storage import Storage


F = TypeVar("F", bound=Callable[..., Any])


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


def verbosity(command: F) -> F:
    """`-v` and `-q`, before or behind the name of a command."""

    def heed(context: click.Context, option: click.Parameter, times: int) -> None:
        context.find_object(State).verbosity += times if option.name == "verbose" else -times  # type: ignore[union-attr]

    options = {"-v": ("--verbose", "Say more on stderr."), "-q": ("--quiet", "No progress on stderr.")}
    for short, (long, text) in options.items():
        command = click.option(short, long, count=True, help=text, callback=heed, expose_value=False)(command)
    return command


def tell(state: State, record: dict[str, Any], text: str) -> None:
    """One line on stderr: the text, or the record where logs are read by machines."""
    try:
        form = state.settings.log_format
    except TraktImportError:  # it is the settings that are wrong
        form = "json" if os.environ.get("LOG_FORMAT", "").strip() == "json" else "text"
    line = json.dumps(record, ensure_ascii=False) if form == "json" else text
    click.echo(line, err=True, color=False if os.environ.get("NO_COLOR") else None)
