"""The report of a run that had nothing to transform and load: what the last one said of the same picture."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.events import Extracted, Loaded, Reported
from pipeline.storage import Storage

# What the last import did; this run did nothing.
DONE_THEN = ("newly_matched", "moved")


def report_standing(
    extracted: Extracted, loaded: Loaded, *, storage: Storage, at: str
) -> tuple[Reported, dict[str, Any]]:
    """Write `reports/<run_id>.json`; the event, and the report itself."""
    last = msgspec.json.decode(storage.read(f"reports/{loaded.unchanged_since}.json"))
    titles = last["titles"] | {
        "imported": 0,
        "skipped": loaded.skipped_count,
        "unchanged_since": loaded.unchanged_since,
        **{name: [] for name in DONE_THEN},
    }
    tables = {
        name: msgspec.to_builtins(counts) | {"gone": last["tables"][name]["gone"]}
        for name, counts in loaded.tables.items()
    }
    result = last | {
        "run_id": extracted.run_id,
        "endpoints": [],
        "titles": titles,
        "tables": tables,
        "equations": [
            _again(equation, titles, tables) for equation in last["equations"] if "fetched" not in equation["name"]
        ],
        "kept": [],
        "doubts": [msgspec.to_builtins(doubt) for doubt in extracted.doubts],
    }
    result["balanced"] = all(equation["balanced"] for equation in result["equations"])
    storage.write(f"reports/{extracted.run_id}.json", msgspec.json.format(msgspec.json.encode(result), indent=1))
    return Reported(run_id=extracted.run_id, at=at, balanced=result["balanced"]), result


def _again(equation: dict[str, Any], titles: dict[str, int], tables: dict[str, dict[str, int]]) -> dict[str, Any]:
    left, right = equation["left"], equation["right"]
    if equation["name"].startswith("titles"):
        right = titles["imported"] + titles["skipped"] + titles["not_in_catalogue"]
    for name, counts in tables.items():
        if equation["name"].endswith(f"({name})"):
            left, right = counts["resolved"], counts["unchanged"]
    return equation | {"left": left, "right": right, "balanced": left == right}
