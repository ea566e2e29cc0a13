"""What a run did to the rows of the database, as its files tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.duck import parquet, quoted, run_script
from pipeline.errors import BadInput
from pipeline.storage import Storage
from stages.database import Database
from stages.load.columns import no_before
from stages.load.tables import Table

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class LoadedRun:
    """One row of `import_runs`."""

    run_id: str
    batch_id: str
    user_id: str
    status: str


def loaded_run(database: Database, run_id: str) -> LoadedRun:
    """The run as the database has it; `BadInput` where it has none."""
    rows = database.execute("select run_id, batch_id, user_id, status from import_runs where run_id = ?", (run_id,))
    if not rows:
        raise BadInput(
            f"run {run_id} is not in this database", "Look at DATABASE_URL; list the runs: trakt-import runs"
        )
    return LoadedRun(*rows[0])


def written(connection: duckdb.DuckDBPyConnection, storage: Storage, run: LoadedRun, table: Table) -> None:
    """Make `written` of one table; `BadInput` where the run's files are not kept any more."""
    for name in ("before", "resolved"):
        file = f"{name}/{table.name}/batch={run.batch_id}/part-0.parquet"
        if not storage.exists(file):
            raise BadInput(
                f"what run {run.run_id} changed is not kept any more", "compact removes it after RETENTION_DAYS."
            )
        rows = f"(from {parquet(storage, [file])})"
        if name == "before":
            rows += f" union all by name ({no_before(table)})"
        connection.execute(f"create or replace view {name} as {rows}")
    stamps = {"was_run_id" if name == "run_id" else name for name in table.stamps}
    news = [
        f"case b.fate when 'insert' then r.{name} when 'update' then b.became.{name} end as new_{name}"
        for name in table.values
    ]
    run_script(
        connection,
        __package__,
        "written",
        run_id=quoted(run.run_id),
        b_key=", ".join(f"b.{name}" for name in table.key),
        same_key=" and ".join(f"r.{name} = b.{name}" for name in table.key),
        was=", ".join(f"b.{name} as was_{name.removeprefix('was_')}" for name in (*table.values, *sorted(stamps))),
        new=", ".join(news),
    )
