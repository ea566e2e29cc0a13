"""Build the report of a run: one JSON object, and the same as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.duck import open_duckdb, parquet, run_script
from pipeline.events import Extracted, Loaded, Reported, Transformed
from pipeline.storage import Storage, write_at_once

if TYPE_CHECKING:
    import duckdb

TABLES = ("library_entries", "season_entries", "episode_entries", "watches")
LISTS = {
    "not_in_catalogue": "not_in_catalogue",
    "conflicts": "conflicts",
    "ambiguous": "ambiguous",
    "merged": "merged",
    "rejected": "rejected_records",
    "kept": "kept",
    "gone": "gone",
}
# What the report says of the titles besides, under `titles`.
MATCHES = ("matched_by", "newly_matched", "moved")


def report(
    batch: Sequence[tuple[Extracted, Transformed, Loaded]], *, storage: Storage, at: str
) -> list[tuple[Reported, dict[str, Any]]]:
    """Write `reports/<run_id>.json` for every run of a batch; the events, and the reports themselves.

    An equation that does not balance is never hidden: `balanced` is false, the equation names both sides and, under
    `rows`, what is not accounted for.
    """
    with open_duckdb() as connection:
        _views(connection, storage, [extracted for extracted, _, _ in batch], batch[0][1])
        lists = {key: _rows(connection, f"from {view}") for key, view in LISTS.items()}
        matches = {key: _rows(connection, f"from {key}") for key in MATCHES}
        plays = _rows(connection, "from play_figures")
        results = [
            _result(
                *events,
                {key: rows.get(events[0].run_id, []) for key, rows in lists.items()},
                {key: rows.get(events[0].run_id, []) for key, rows in matches.items()},
                plays[events[0].run_id][0],
            )
            for events in batch
        ]
        if not all(result["balanced"] for result in results):
            lost = _rows(connection, "from unaccounted")
            for result in results:
                _name_rows(result["equations"], lost.get(result["run_id"], []))
    write_at_once(partial(_write, storage), results)
    storage.settle("reports")
    return [(Reported(run_id=result["run_id"], at=at, balanced=result["balanced"]), result) for result in results]


def _write(storage: Storage, result: dict[str, Any]) -> None:
    body = msgspec.json.format(msgspec.json.encode(result), indent=1)
    storage.write(f"reports/{result['run_id']}.json", body, settled=False)


def _result(
    extracted: Extracted,
    transformed: Transformed,
    loaded: Loaded,
    lists: dict[str, list[dict[str, Any]]],
    matches: dict[str, list[dict[str, Any]]],
    plays: dict[str, int],
) -> dict[str, Any]:
    unresolved = len(lists["not_in_catalogue"])
    titles: dict[str, Any] = {
        "titles": loaded.imported_count + loaded.skipped_count + unresolved,
        "imported": loaded.imported_count,
        "skipped": loaded.skipped_count,
        "not_in_catalogue": unresolved,
        "errors": loaded.error_count,
        "rejected_records": len(lists["rejected"]),
        "unchanged_since": None,
        **matches,
        "matched_by": {row["id"]: row["titles"] for row in matches["matched_by"]},
    }
    gone = {table: sum(row["table"] == table for row in lists["gone"]) for table in TABLES}
    tables = {name: msgspec.to_builtins(counts) | {"gone": gone[name]} for name, counts in loaded.tables.items()}
    equations = [
        _equation(f"rows fetched = staged + rejected ({name})", read.fetched, read.staged + read.rejected)
        for name, read in extracted.endpoints.items()
    ]
    equations.append(_equation("titles = imported + skipped + not in the catalogue", plays["titles"], titles["titles"]))
    # As extract counted them: of a file that was lost since, neither side would know. Older events do not say.
    read = sum(extracted.marks["history"].plays.values()) if "history" in extracted.marks else plays["staged"]
    equations.append(
        _equation(
            "distinct plays = resolved to watches + of titles not in the catalogue + rejected",
            read + plays["rejected"],
            plays["resolved"] + plays["not_in_catalogue"] + plays["rejected"],
        )
    )
    if read != plays["staged"]:
        equations[-1]["rows"] = [f"history: {read} plays were read, {plays['staged']} of them lie staged"]
    equations += [
        _equation(
            f"resolved rows = inserted + updated + unchanged + kept + left alone + deleted here ({name})",
            transformed.rows[name],
            counts.inserted + counts.updated + counts.unchanged + counts.kept + counts.left_alone + counts.deleted_here,
        )
        for name, counts in loaded.tables.items()
    ]
    balanced = all(equation["balanced"] for equation in equations)
    return {
        "run_id": extracted.run_id,
        "balanced": balanced,
        "endpoints": [
            {"endpoint": name, **msgspec.to_builtins(read)} for name, read in sorted(extracted.endpoints.items())
        ],
        "titles": titles,
        "tables": tables,
        "equations": equations,
        **lists,
        "doubts": [msgspec.to_builtins(doubt) for doubt in extracted.doubts],
    }


def _equation(name: str, left: int, right: int) -> dict[str, Any]:
    return {"name": name, "left": left, "right": right, "balanced": left == right}


def _name_rows(equations: list[dict[str, Any]], lost: Sequence[Mapping[str, Any]]) -> None:
    for equation in equations:
        if not equation["balanced"]:
            rows = [row["what"] for row in lost if equation["name"].startswith(row["equation"])]
            equation["rows"] = [*equation.get("rows", ()), *rows]


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of each run, whose id is the first column."""
    cursor = connection.execute(query)
    _, *names = [column[0] for column in cursor.description or []]
    rows: dict[str, list[dict[str, Any]]] = {}
    for run_id, *values in cursor.fetchall():
        rows.setdefault(run_id, []).append(dict(zip(names, values, strict=True)))
    return rows


def _views(
    connection: duckdb.DuckDBPyConnection, storage: Storage, extracted: Sequence[Extracted], transformed: Transformed
) -> None:
    import pyarrow as pa

    runs = [{"run_id": event.run_id} for event in extracted]
    inputs = [
        {"by_run_id": event.run_id, "endpoint": endpoint, "run_id": run_id}
        for event in extracted
        for endpoint, run_ids in event.inputs.items()
        for run_id in run_ids
    ]
    names = pa.schema([(name, pa.string()) for name in ("by_run_id", "endpoint", "run_id")])
    connection.register("runs", pa.Table.from_pylist(runs, schema=names.remove(0).remove(0)))
    connection.register("inputs", pa.Table.from_pylist(inputs, schema=names))
    for name, file in {
        "outcomes": "resolved/outcomes",
        "loaded": "loaded/outcomes",
        "kept_values": "loaded/kept",
        **{f"resolved_{table}": f"resolved/{table}" for table in TABLES},
    }.items():
        source = parquet(storage, [f"{file}/batch={transformed.batch_id}/part-0.parquet"])
        connection.execute(f"create view {name} as select t.* from {source} as t semi join runs using (run_id)")

    def staged(endpoint: str, run_ids: Callable[[Extracted], Iterable[str]], empty: str) -> None:
        wanted = sorted({(event.trakt_slug, run_id) for event in extracted for run_id in run_ids(event)})
        files = [name for slug, run_id in wanted for name in storage.staged(endpoint, slug, run_id)]
        connection.execute(f"create view all_{endpoint} as from {parquet(storage, files) if files else f'({empty})'}")

    everything = "'' as endpoint, 0 as page, 0 as \"position\", '' as reason, '' as raw, '' as path, '' as run_id"
    staged("rejected", lambda event: chain(*event.inputs.values()), f"select {everything} limit 0")
    staged("history", lambda event: event.inputs.get("history", ()), "select 0::bigint as id, '' as run_id limit 0")
    # Names are looked up in the catalogue only where something is gone: it may hold millions.
    gone = " or ".join(f"exists (from resolved_{table} where gone)" for table in TABLES)
    if connection.execute(f"select {gone}").fetchall()[0][0]:
        titles = parquet(storage, [f"catalog/snapshot={transformed.catalog_snapshot}/titles.parquet"])
        connection.execute(f"create view titles as select title_id, name from {titles}")
    else:
        connection.execute("create view titles as select null::varchar as title_id, null::varchar as name limit 0")
    run_script(connection, __package__, "report")
