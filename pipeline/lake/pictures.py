"""Each user's last completed picture, as the journals tell it: which run it is, and which runs its pages came with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.journal import run_ids
from pipeline.storage import Storage


@dataclass(frozen=True)
class Picture:
    """A user's last completed run; `batch_id` and `resolved_by` name the resolved rows that show it."""

    user_id: str
    trakt_slug: str
    run_id: str
    read_at: str
    completed_at: str
    inputs: dict[str, list[str]]
    batch_id: str
    resolved_by: str


def pictures(storage: Storage) -> list[Picture]:
    """One picture for each `user_id`: the newest run that was completed and not undone; dry runs never."""
    found: dict[str, Picture] = {}
    for run_id in run_ids(storage):
        names = storage.names(f"runs/{run_id}/events")
        if any(name.endswith("-Undone.json") for name in names):
            continue
        extracted, loaded = (newest_event(storage, run_id, names, kind) for kind in ("Extracted", "Loaded"))
        if not extracted or not loaded or loaded["dry_run"] or extracted["user_id"] in found:
            continue
        found[extracted["user_id"]] = Picture(
            user_id=extracted["user_id"],
            trakt_slug=extracted["trakt_slug"],
            run_id=run_id,
            read_at=extracted["at"],
            completed_at=loaded["at"],
            inputs=extracted["inputs"],
            batch_id=loaded["batch_id"],
            # Where nothing had changed, the rows are those of an earlier run.
            resolved_by=loaded.get("unchanged_since") or run_id,
        )
    return list(found.values())


def newest_event(storage: Storage, run_id: str, names: list[str], kind: str) -> dict[str, Any] | None:
    """The newest event of a kind among the `names` of a run's journal, as it was written."""
    found = next((name for name in reversed(names) if name.endswith(f"-{kind}.json")), None)
    if found is None:
        return None
    event: dict[str, Any] = msgspec.json.decode(storage.read(f"runs/{run_id}/events/{found}"))
    return event


def every_event(storage: Storage) -> Iterator[dict[str, Any]]:
    """Every event of every run as a row of the view `events`; `body` is its JSON."""
    for run_id in run_ids(storage):
        folder = f"runs/{run_id}/events"
        bodies = [storage.read(f"{folder}/{name}") for name in storage.names(folder)]
        events = [msgspec.json.decode(body) for body in bodies]
        said = [event.get("trakt_slug") for event in events] + [event.get("user") for event in events]
        user = next((name for name in said if name), None)
        for seq, (body, event) in enumerate(zip(bodies, events, strict=True), 1):
            row = {"user": user, "run": run_id, "seq": seq, "event": event["event"], "at": event["at"]}
            yield row | {"body": body.decode()}
