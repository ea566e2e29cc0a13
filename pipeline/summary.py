"""What `run` prints: the contract's JSON, and the same for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.duck import open_duckdb, parquet
from pipeline.events import Loaded
from pipeline.storage import Storage

if TYPE_CHECKING:
    from pipeline.run import Import


def summary(storage: Storage, run: Import) -> dict[str, Any]:
    """The six keys of `run --json`; the lists are complete, Trakt's names, by code point."""
    loaded: Loaded = run.said(Loaded)
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
    """The end of a run for a person: a small table, then the message."""
    lines = [f"{'':<18}{'inserted':>9}{'updated':>9}{'unchanged':>11}{'kept':>6}"]
    for name, counts in report.get("tables", {}).items():
        lines.append(
            f"{name.replace('_', ' '):<18}{counts['inserted']:>9}{counts['updated']:>9}{counts['unchanged']:>11}{counts['kept']:>6}"
        )
    missing = report.get("not_in_catalogue", [])
    if missing:
        names = ", ".join(str(row["name"]) for row in missing[:5]) + (" …" if len(missing) > 5 else "")
        lines.append(f"not in the catalogue: {names}")
    return [*lines, result["message"]]
