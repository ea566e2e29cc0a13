"""`python -m tests.sandbox`: the sandbox as a process of its own."""

from __future__ import annotations

import csv
import json
import signal
import threading
from pathlib import Path
from types import FrameType

import click

from .accounts import Account, catalogue_rows, make_account
from .demo import demo_account
from .faults import Faults
from .server import Sandbox
from .titles import CATALOGUE_COLUMNS

_SIZES = (
    "seed",
    "movies",
    "shows",
    "plays",
    "ratings",
    "watchlist",
    "collection_movies",
    "collection_shows",
)
_FLAGS = ("odd", "watching", "specials", "sample")


def parse_account(text: str) -> Account:
    """An account from `slug` or `slug:plays=3126,movies=900,odd=1`; `demo` alone is the demo account."""
    slug, _, options = text.partition(":")
    if slug == "demo" and not options:
        return demo_account()
    sizes: dict[str, int] = {}
    flags: dict[str, bool] = {}
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name in _SIZES and value.isdigit():
            sizes[name] = int(value)
        elif name in _FLAGS:
            flags[name] = value not in ("0", "false", "no")
        else:
            raise click.BadParameter(f"{option!r}: not one of {', '.join(_SIZES + _FLAGS)}")
    try:
        return make_account(slug, **sizes, **flags)  # type: ignore[arg-type]
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}") from error


@click.command()
@click.option("--port", default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--port-file", type=click.Path(path_type=Path), help="Write the port here when ready.")
@click.option("--account", "accounts", multiple=True, help="slug[:plays=N,movies=N,shows=N,odd=1,...]")
@click.option("--latency-ms", default=0.0, help="Pause before every answer.")
@click.option("--limit", default=500, help="Requests allowed in a period for each key.")
@click.option("--period", default=300.0, help="Length of that period in seconds.")
@click.option("--catalogue-csv", type=click.Path(path_type=Path), help="Write the matching catalogue here.")
@click.option("--missing", default=0, help="How many titles to leave out of the catalogue.")
@click.option("--faults", "faults_json", default="{}", help='Switches as JSON: {"page_lag": {"history": 2}}')
def main(
    port: int,
    port_file: Path | None,
    accounts: tuple[str, ...],
    latency_ms: float,
    limit: int,
    period: float,
    catalogue_csv: Path | None,
    missing: int,
    faults_json: str,
) -> None:
    """Serve accounts (the demo account when none is named) until told to stop."""
    made = [parse_account(text) for text in accounts or ("demo",)]
    if catalogue_csv is not None:
        with catalogue_csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, CATALOGUE_COLUMNS)
            writer.writeheader()
            writer.writerows(catalogue_rows(made, missing=missing))
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    faults = Faults(**json.loads(faults_json))
    with Sandbox(made, faults=faults, limit=limit, period=period, latency=latency_ms / 1000, port=port) as sandbox:
        if port_file is not None:
            partial = port_file.with_name(port_file.name + ".part")
            partial.write_text(f"{sandbox.port}\n", encoding="utf-8")
            partial.replace(port_file)
        click.echo(sandbox.url)
        stop.wait()


if __name__ == "__main__":
    main()
