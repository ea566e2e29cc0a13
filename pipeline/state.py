"""What every command of one process shares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import TraktImportError

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.storage import Storage


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


def tell(state: State, record: dict[str, Any], text: str) -> None:
    """One line on stderr: the text, or the record where logs are read by machines."""
    try:
        as_json = state.settings.log_format == "json"
    except TraktImportError:
        as_json = False
    click.echo(json.dumps(record, ensure_ascii=False) if as_json else text, err=True)
