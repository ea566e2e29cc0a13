"""What `run` prints: the contract's JSON, and the same for a person."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from pipeline.duck import open_duckdb, parquet
from pipeline.events import Loaded
from pipeline.storage import Storage

USUAL = ("inserted", "updated", "unchanged", "kept")
COLUMNS = (*USUAL, "left_alone", "deleted_here", "gone")
NAMED, DOUBTS = 3, 20


def summary(storage: Storage, loaded: Loaded) -> dict[str, Any]:
    """The six keys of `run --json`; the lists are complete, Trakt's names, by code point."""
    outcomes = parquet(storage, [f"loaded/outcomes/batch={loaded.batch_id}/part-0.parquet"])
    with open_duckdb() as connection:
        rows = connection.execute(
            "select outcome, coalesce(name, kind || ' ' || coalesce(trakt_id::varchar, '?')) "
            f"from {outcomes} where run_id = ?",
            [loaded.unchanged_since or loaded.run_id],
        ).fetchall()
    if loaded.unchanged_since:
        rows = [("skipped" if outcome == "imported" else outcome, name) for outcome, name in rows]
    return counts(loaded) | {
        "imported_titles": sorted(name for outcome, name in rows if outcome == "imported"),
        "skipped_titles": sorted(name for outcome, name in rows if outcome == "skipped"),
    }


def counts(loaded: Loaded) -> dict[str, Any]:
    """How many titles of each fate, and the same as a sentence."""
    told = f"{loaded.imported_count} imported, {loaded.skipped_count} skipped, {loaded.error_count} errors"
    return {
        "imported_count": loaded.imported_count,
        "skipped_count": loaded.skipped_count,
        "error_count": loaded.error_count,
        "message": f"{'Dry run' if loaded.dry_run else 'Import completed'}: {told}",
    }


def summary_lines(result: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """The end of a run for a person: a small table, what the catalogue lacks, the message; with colours to strip."""
    tables = report.get("tables", {})
    columns = [name for name in COLUMNS if name in USUAL or any(counts[name] for counts in tables.values())]
    dim, bold = partial(click.style, dim=True), partial(click.style, bold=True)
    lines = [dim(" " * 16 + "".join(f"{name.replace('_', ' '):>14}" for name in columns))]
    for name, counts in tables.items():
        figures = [f"{counts[column]:>14,}" for column in columns]
        cells = [bold(cell) if counts[column] else dim(cell) for column, cell in zip(columns, figures, strict=True)]
        lines.append(f"{name.replace('_', ' '):<16}{''.join(cells)}")
    if missing := report.get("not_in_catalogue", []):
        names = ", ".join(row["name"] or f"{row['kind']} {row['trakt_id']}" for row in missing[:NAMED])
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        lines.append(f"not in the catalogue: {names}{more} " + dim("(all of them: trakt-import report)"))
    return [*lines, bold(result["message"])]


def doubt_lines(doubts: list[dict[str, Any]], everything: bool) -> list[str]:
    """What Trakt's own figures leave open, a line each; a long list is cut short unless everything is asked for."""
    shown = doubts if everything else doubts[:DOUBTS]
    lines = [f"doubt: {doubt['endpoint']}: {doubt['text']}" for doubt in shown]
    if len(doubts) > len(shown):
        lines.append(f"… and {len(doubts) - len(shown):,} doubts more: trakt-import report")
    return [click.style(line, fg="yellow") for line in lines]
