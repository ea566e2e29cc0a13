"""Compare one table: what Trakt's side, the baseline and the database's rows of it come to."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.duck import copy_to, parquet, run_script, sql_of
from pipeline.errors import DatabaseError
from pipeline.events import Counts
from pipeline.storage import Storage
from stages.database import Database
from stages.load.alike import alike, differing
from stages.load.columns import by_place, changes, inserts, lists
from stages.load.comparison import Batch, Writes
from stages.load.rows import all_rows, read_ours, stage_changes, users_of
from stages.load.tables import Table

if TYPE_CHECKING:
    import duckdb

DECIDED = "decided as a join (select run, run_id from runs) as r using (run)"
# Of the resolved rows: where more than that are wanted of the database, all rows of their users are read.
MOST = 0.3
Base = tuple[str | None, str | None]
"""A user's last import: run and batch."""


@dataclass
class Sides:
    """What the comparison of each table starts from; `bases` by run number.

    The database is one connection: `one_reads`.
    """

    batch: Batch
    bases: Sequence[Base]
    database: Database
    storage: Storage
    at: str
    one_reads: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """The database, or another connection to it while that is busy; to read only."""
        with ExitStack() as stack:
            if self.one_reads.acquire(blocking=False):
                stack.callback(self.one_reads.release)
                yield self.database
                return
            try:
                database = stack.enter_context(self.database.another())
            except DatabaseError:  # it takes no more of them
                stack.enter_context(self.one_reads)
                database = self.database
            yield database


def merge_table(
    sides: Sides, on_decided: Callable[[], None], connection: duckdb.DuckDBPyConnection, table: Table
) -> tuple[dict[int, Counts], Writes]:
    """The rows of each fate, by run, and what is to be written; `before/` is written here, `connection` is its own.

    `on_decided` is called as soon as `changed_titles` and `kept_values` have what the table gives.
    """
    parts = lists(table)
    parts["resolved"] = resolved_rows(sides.storage, table.name, sides.batch[0][2].batch_id)
    files = _baselines(sides, table)
    bare = _bare(sides, table, files)
    connection.execute(f"create view resolved as from {parts['resolved']}")
    run_script(connection, __package__, "marks")
    marks = connection.execute("select run, resolved, left_alone, moved, gone from marks").fetchall()
    last, new = _last(sides, connection, table), _file(table, sides.batch[0][2].batch_id)
    settled = last and not (bare or any(moved for *_, moved, _ in marks))
    differ = differing(sides.storage, last, new) if settled else None
    if differ is not None and not alike(connection, sides.storage, last, new, {*table.key, "moved"} & {*differ}):
        differ = None
    if differ is not None:
        parts |= by_place(table, differ) | {"before": parquet(sides.storage, [last])}
        # Of a first import and the next one the bytes differ always: only the latter's columns may hold a null.
        if not differ or not _placed(connection, parts):
            on_decided()
            connection.execute("create view fresh as select 0 as run, * from resolved limit 0")
            _keep_before(sides, connection, table, _before_fresh(table))
            return _counts(marks, []), Writes()
    parts["bare"] = f"run in ({', '.join(map(str, bare))})" if bare else "false"
    picture = sql_of(__package__, "picture").format(**parts)
    compared = len(bare) < len(sides.batch) or any(moved or gone for *_, moved, gone in marks)
    if differ is not None:
        parts |= {"kind": "view", "candidates": "picture"}
    else:
        connection.execute(f"create view picture as {picture}")
        if compared:
            baseline = parquet(sides.storage, files) if files else f"(from {parts['resolved']} limit 0)"
            connection.execute(f"create view baseline as from {baseline}")
            run_script(connection, __package__, "wanted", **parts)
        known = f"semi join wanted using (run, {parts['key']})" if files else f"where leaves or not {parts['bare']}"
        parts |= {"kind": "table", "candidates": f"(from picture {known})"}
    connection.execute(f"create view fresh as from picture where {parts['bare']} and not leaves")
    run_script(connection, __package__, "appended")
    decided = compared and _decide(sides, connection, table, parts)
    on_decided()
    before = [_before(table)] if decided else []
    _keep_before(sides, connection, table, *before, *([_before_fresh(table)] if bare or not decided else []))
    counted = connection.execute("select run, 'appended', sum(rows)::bigint from appended group by run").fetchall()
    if decided:
        counted += connection.execute(sql_of(__package__, "counts")).fetchall()
    return _counts(marks, counted), _writes(sides, connection, table, decided, picture if bare else "", parts["bare"])


def resolved_rows(storage: Storage, table: str, batch_id: str) -> str:
    """A resolved table of a batch as a relation."""
    return parquet(storage, [f"resolved/{table}/batch={batch_id}/part-0.parquet"])


def _file(table: Table, batch_id: str) -> str:
    return f"resolved/{table.name}/batch={batch_id}/part-0.parquet"


def _baselines(sides: Sides, table: Table) -> list[str]:
    """The files with the baselines of the batch's users, those that are there."""
    files = {_file(table, batch_id) for _, batch_id in sides.bases if batch_id}
    return sorted(file for file in files if sides.storage.exists(file))


def _bare(sides: Sides, table: Table, files: Sequence[str]) -> list[int]:
    """The runs of users who have no baseline, and no row in the table."""
    unknown = {
        number: sides.batch[number][1].user_id
        for number, (_, batch_id) in enumerate(sides.bases)
        if _file(table, batch_id or "") not in files
    }
    with sides.one_reads:
        here = users_of(sides.database, table, list(unknown.values()))
    return [number for number, user in unknown.items() if user not in here]


def _keep_before(sides: Sides, connection: duckdb.DuckDBPyConnection, table: Table, *queries: str) -> None:
    if not sides.batch[0][0].dry_run:
        name = f"before/{table.name}/batch={sides.batch[0][2].batch_id}/part-0.parquet"
        copy_to(connection, sides.storage, " union all by name ".join(queries), name)


def _last(sides: Sides, connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The one file with the baselines of all runs, and of no other; none where a run overwrites or prunes."""
    batches = {batch_id or "" for _, batch_id in sides.bases}
    file, merged = _file(table, min(batches)), not any(r.prune or r.mode == "overwrite" for r, _, _ in sides.batch)
    if len(batches) > 1 or not merged or not sides.storage.exists(file):
        return ""
    runs = f"select distinct run_id from {parquet(sides.storage, [file])}"
    others = connection.execute(f"from ({runs}) as b anti join runs as r on r.base_run_id = b.run_id limit 1")
    return "" if others.fetchall() else file


def _placed(connection: duckdb.DuckDBPyConnection, parts: Mapping[str, str]) -> bool:
    """Make `placed`, and what goes with it; whether it has a row."""
    run_script(connection, __package__, "placed", **parts)
    return bool(connection.execute("from placed limit 1").fetchall())


def _decide(sides: Sides, connection: duckdb.DuckDBPyConnection, table: Table, parts: dict[str, str]) -> bool:
    """Make `theirs`, `ours` and `decided`; false, and none of them, where nothing is to be held against ours."""
    most, wanted = _most(connection)
    if most:
        with sides.reading() as database, all_rows(connection, database, table, table.key | table.values):
            run_script(connection, __package__, "narrowed", **parts)
        connection.execute("create or replace view wanted as from narrowed")
        parts |= {"kind": "table", "candidates": f"(from picture semi join wanted using (run, {parts['key']}))"}
        most, wanted = _most(connection)
    if not wanted:
        return False
    with sides.one_reads:
        read_ours(connection, sides.database, table, most=most)
    for script in ("theirs", "decided"):
        run_script(connection, __package__, script, **parts)
    if connection.execute("from keeping limit 1").fetchall():
        run_script(connection, __package__, "kept", **parts)
    return True


def _most(connection: duckdb.DuckDBPyConnection) -> tuple[bool, int]:
    """How many rows are wanted, and whether these are most of them."""
    wanted, resolved = connection.execute(
        "select (from wanted select count(*)), (from resolved select count(*))"
    ).fetchall()[0]
    return wanted > MOST * resolved, wanted


def _counts(marks: Sequence[tuple[int, ...]], counted: Iterable[tuple[int, str, int]]) -> dict[int, Counts]:
    """What becomes of one table's resolved rows, by run, where so many (run, fate, rows) were `counted`.

    All other rows equal the baseline or the row that is there, so they are unchanged; these are told from how many there
    were before the comparison (`marks`), so that a row lost or doubled in it breaks the sum.
    """
    rows: dict[int, dict[str, int]] = {run: defaultdict(int) for run, *_ in marks}
    for run, fate, number in counted:
        rows[run][fate] = number
    return {
        run: Counts(
            resolved=resolved,
            inserted=rows[run]["insert"] + rows[run]["appended"],
            updated=rows[run]["update"],
            unchanged=resolved - left_alone - rows[run]["appended"] - rows[run]["travelled"] + rows[run]["unchanged"],
            kept=rows[run]["kept"],
            left_alone=left_alone,
            deleted_here=rows[run]["deleted_here"] + rows[run]["delete"],
        )
        for run, resolved, left_alone, *_ in marks
    }


def _writes(
    sides: Sides, connection: duckdb.DuckDBPyConnection, table: Table, decided: bool, picture: str, bare: str
) -> Writes:
    """What is to be written; of fresh rows, where there is a `picture` with them, only how to come by them."""
    writes, database = Writes(), sides.database
    if picture:
        values = _values(database, table, sides.at, "true", "a.run_id")
        columns = ", ".join(f"{value} as {name}" for name, value in values.items())
        writes.fresh = f"select {columns} from ({picture}) as a where {bare} and not leaves"
    fates = connection.execute("select distinct fate from decided").fetchall() if decided else []
    if ("insert",) in fates:
        values = _values(database, table, sides.at, "true", "r.run_id")
        writes.inserts = connection.sql(inserts(table, values, DECIDED)).to_arrow_table()
    if ("update",) in fates or ("delete",) in fates:
        values = _values(database, table, sides.at, "a.clean", "r.run_id")
        writes.changes = connection.sql(changes(database, table, values, DECIDED)).to_arrow_table()
        if not sides.batch[0][0].dry_run:
            with sides.one_reads:
                stage_changes(database, table, writes.changes)
    return writes


def _before(table: Table) -> str:
    """The changed rows as they were (`was_run_id`: the run that wrote them), and, of updated ones, what they become."""
    was = ", ".join(
        f"o.{name}" + (" as was_run_id" if name == "run_id" else "") for name in table.columns if name not in table.key
    )
    keys = ", ".join(f"a.{name}" for name in table.key)
    became = ", ".join(f"{name} := a.{name}" for name in table.values)
    return (
        f"(select a.fate, {keys}, {was}, case when a.fate = 'update' then struct_pack({became}) end as became, "
        "r.trakt_slug, r.run_id from decided as a join (select run, run_id, trakt_slug from runs) as r using (run) "
        f"left join ours as o using ({', '.join(table.key)}) where a.fate in ('insert', 'update', 'delete') "
        f"order by {keys})"
    )


def _before_fresh(table: Table) -> str:
    """The keys of the rows that are inserted as they are: that there was no row is all that there is to tell of it."""
    keys = ", ".join(f"{'r' if name == 'user_id' else 't'}.{name}" for name in table.key)
    return (
        f"(select 'insert' as fate, {keys}, r.trakt_slug, r.run_id "
        "from fresh as t join (select run, user_id, trakt_slug, run_id from runs) as r using (run))"
    )


def _values(database: Database, table: Table, at: str, fresh: str, run_id: str) -> dict[str, str]:
    """The SQL of every column of `a`; no `updated_at` where the row is not `fresh`: the application's is to stay."""
    now = database.handed(f"timestamptz '{at}'", "updated_at", "moment")
    values = {name: database.handed(f"a.{name}", name, kind) for name, kind in (table.key | table.values).items()}
    stamps = {
        "source": "'trakt'",
        "run_id": run_id,
        "created_at": now,
        "updated_at": f"case when {fresh} then {now} end",
    }
    return values | {name: stamps[name] for name in table.stamps}
