"""`make bench`: every figure beside its target and its floor; `make bench ONLY=import,start` for some subjects.

A subject is a module `bench_<subject>.py` with `measure(folder, rounds)`, which yields figures. The exit is an error
only where something could not be measured: a slow figure is told, never fatal.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pipeline.__main__ import settle_memory
from tests.bench.figures import Figure, keep, machine, named, told
from tests.bench.picture import draw

SUBJECTS = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))


@click.command()
@click.option("--only", default="", help=f"Some of {', '.join(SUBJECTS)}, with commas between.")
@click.option("--rounds", default=5, show_default=True, help="How often each figure is taken; the median counts.")
def main(only: str, rounds: int) -> None:
    """Measure, print, and keep the figures in docs/bench."""
    wanted = [name.strip() for name in only.split(",") if name.strip()] or SUBJECTS
    if unknown := [name for name in wanted if name not in SUBJECTS]:
        raise click.BadParameter(f"{unknown[0]!r}: not one of {', '.join(SUBJECTS)}", param_hint="--only")
    settle_memory()  # stages that are called by themselves are to find what they find in the program
    console = Console(width=None if Console().is_terminal else 140, highlight=False)
    console.print(named(machine()))
    for subject in wanted:
        with tempfile.TemporaryDirectory(prefix=f"bench-{subject}-") as folder:
            measure = importlib.import_module(f"tests.bench.bench_{subject}").measure
            figures = list(measure(Path(folder), rounds))
        keep(subject, figures)
        console.print(_table(subject, figures))
        for figure in figures:
            if figure.parts:
                console.print(f"  {figure.name}: {_where(figure)}")
    draw()


def _table(subject: str, figures: list[Figure]) -> Table:
    table = Table(title=f"\n{subject}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in ("", "median", "at most", "floor", "times the floor", "at most", ""):
        table.add_column(heading, justify="left" if not heading else "right", overflow="fold")
    for figure in figures:
        table.add_row(
            figure.name,
            told(figure.value, figure.unit),
            told(figure.target, figure.unit),
            told(figure.floor, figure.unit),
            told(figure.ratio, "×"),
            told(figure.ratio_target, "×"),
            ""
            if figure.target is figure.ratio_target is None
            else "[green]met[/]"
            if figure.met
            else "[yellow]missed[/]",
        )
    if floors := {figure.floor_is for figure in figures if figure.floor_is}:
        table.caption, table.caption_justify = "floor: " + "; ".join(sorted(floors)), "left"
    return table


def _where(figure: Figure) -> str:
    return ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in figure.parts.items())


if __name__ == "__main__":
    main()
