"""What became of every single title of a run."""

from __future__ import annotations

from typing import Any

from pipeline.duck import open_duckdb, parquet, quoted, sql_of
from pipeline.events import Loaded
from pipeline.storage import Storage


def titles_of(storage: Storage, loaded: Loaded) -> list[dict[str, Any]]:
    """Every title of the run, by name: kind, ids, outcome, status and evidence, `matched_by`, conflict, kept, reason.

    None where the run's files are gone.
    """
    files = {
        name: f"{name}/batch={loaded.batch_id}/part-0.parquet" for name in ("resolved/outcomes", "loaded/outcomes")
    }
    if not all(storage.exists(file) for file in files.values()):
        return []
    run_id = quoted(loaded.unchanged_since or loaded.run_id)
    with open_duckdb() as connection:
        for view, file in zip(("outcomes", "loaded"), files.values(), strict=True):
            connection.execute(f"create view {view} as from {parquet(storage, [file])} where run_id = {run_id}")
        cursor = connection.execute(sql_of(__package__, "titles"))
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    if loaded.unchanged_since:
        rows = [row | {"outcome": "skipped" if row["outcome"] == "imported" else row["outcome"]} for row in rows]
    return rows
