"""Remove what is older than `RETENTION_DAYS` and that nothing needs any more.

Needed, whatever its age: of each user the last completed run and all younger than the limit, and the one before those,
to which an undo goes back; the run that the database names as the baseline; what was read last; runs that `resume`
would go on with. Of all these: the reads that their pictures stand on, their resolved rows, snapshots and journals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from pipeline.errors import Running
from pipeline.journal import run_ids
from pipeline.lake.pictures import newest_event
from pipeline.locks import user_lock
from pipeline.storage import ASIDE, Storage

DAY = 86_400.0


@dataclass
class Run:
    """What a journal tells of a run, as far as it matters here; `at` in seconds since 1970.

    `inputs` are the runs that it stands on: those whose pages it read, and the one whose rows still hold.
    """

    run_id: str
    at: float
    slug: str
    user_id: str | None = None
    inputs: frozenset[str] = frozenset()
    batch_id: str | None = None
    snapshot: str | None = None
    completed: bool = False
    open: bool = False


@dataclass
class Needed:
    """The ids that stay."""

    runs: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    snapshots: set[str] = field(default_factory=set)


@dataclass
class Removed:
    """How much went: folders of staged pages, batches, snapshots, journals; bytes; profiles left out, being imported."""

    staged: int = 0
    batches: int = 0
    snapshots: int = 0
    journals: int = 0
    bytes: int = 0
    busy: tuple[str, ...] = ()


def remove_old(
    storage: Storage, *, days: float, now: float, baselines: Iterable[tuple[str | None, str | None]]
) -> Removed:
    """Remove what is older than `days` before `now` (seconds since 1970) and not needed.

    `baselines` are run and batch of each account's last import, as the database names them. Journals go last, so that
    what is cut short is finished the next time. Raises `StorageError`.
    """
    limit = now - days * DAY
    runs = {run.run_id: run for run in map(lambda run_id: _run(storage, run_id), run_ids(storage))}
    needed = _needed(runs.values(), limit, baselines)
    needed.reads |= _last_staged(storage, runs)
    removed = Removed()

    def old(name: str, at: float | None) -> bool:
        return (storage.modified(name) if at is None else at) < limit

    def age(run_id: str) -> float | None:
        return runs[run_id].at if run_id in runs else None

    _remove_staged(storage, removed, lambda folder, run_id: run_id not in needed.reads and old(folder, age(run_id)))
    ages = {run.batch_id: run.at for run in sorted(runs.values(), key=lambda run: run.at) if run.batch_id}
    gone = set()
    for name, batch_id in _batches(storage):
        if batch_id not in needed.batches and old(name, ages.get(batch_id)):
            removed.bytes += storage.remove(name)
            gone.add(batch_id)
    removed.batches = len(gone)
    snapshots = storage.names("catalog")
    for name in snapshots[:-1]:
        if name.removeprefix("snapshot=") not in needed.snapshots and old(f"catalog/{name}", None):
            removed.bytes += storage.remove(f"catalog/{name}")
            removed.snapshots += 1
    journals = needed.runs | needed.reads
    for run_id, run in runs.items():
        if run_id not in journals and run.at < limit:
            removed.bytes += storage.remove(f"runs/{run_id}")
            removed.journals += 1
    return removed


def sweep(storage: Storage, now: float) -> int:
    """Remove what torn writes left behind, a day after; how many files."""
    torn = [
        str(path.relative_to(storage.root))
        for path in storage.root.rglob(f"{ASIDE}*")
        if storage.modified(str(path.relative_to(storage.root))) < now - DAY
    ]
    for name in torn:
        storage.remove(name)
    return len(torn)


def _run(storage: Storage, run_id: str) -> Run:
    names = storage.names(f"runs/{run_id}/events")
    kinds = ("ImportRequested", "Extracted", "Transformed", "Loaded")
    events: list[dict[str, Any]] = [newest_event(storage, run_id, names, kind) or {} for kind in kinds]
    requested, extracted, transformed, loaded = events
    at = requested.get("at") or extracted.get("at")
    same = loaded.get("unchanged_since")
    undone, reported = (any(name.endswith(f"-{kind}.json") for name in names) for kind in ("Undone", "Reported"))
    return Run(
        run_id=run_id,
        at=datetime.fromisoformat(at).timestamp() if at else storage.modified(f"runs/{run_id}"),
        slug=extracted.get("trakt_slug") or str(requested.get("user", "")).lower(),
        user_id=extracted.get("user_id"),
        inputs=frozenset(chain((same,) if same else (), *extracted.get("inputs", {}).values())),
        batch_id=loaded.get("batch_id") or transformed.get("batch_id"),
        snapshot=transformed.get("catalog_snapshot"),
        completed=bool(loaded) and not loaded["dry_run"] and not undone,
        open=not reported and not undone,
    )


def _needed(runs: Iterable[Run], limit: float, baselines: Iterable[tuple[str | None, str | None]]) -> Needed:
    kept = [run for run in runs if run.at >= limit]
    read: set[str] = set()
    done: set[str | None] = set()
    backed: set[str | None] = set()
    named = dict(baselines)
    for run in sorted(runs, key=lambda run: run.run_id, reverse=True):
        if run.inputs and run.slug not in read:
            read.add(run.slug)
            kept.append(run)
        if run.open and not done & {run.user_id, run.slug}:
            kept.append(run)
        if run.completed:
            if run.user_id not in backed:
                kept.append(run)
            # With this one there is something to go back to from every younger one.
            if run.at < limit:
                backed.add(run.user_id)
            done |= {run.user_id, run.slug}
        if run.run_id in named:
            kept.append(run)
    return Needed(
        runs={run.run_id for run in kept},
        reads={run.run_id for run in kept} | {name for run in kept for name in run.inputs},
        batches={run.batch_id for run in kept if run.batch_id} | {batch for batch in named.values() if batch},
        snapshots={run.snapshot for run in kept if run.snapshot},
    )


def _last_staged(storage: Storage, runs: Mapping[str, Run]) -> set[str]:
    """Of each profile the newest run that staged something and told what it read, since the next one goes on from there,
    with the runs that it stands on.
    """
    newest: dict[str, str] = {}
    for dataset in storage.names("staged"):
        for user in storage.names(f"staged/{dataset}"):
            staged = (name.removeprefix("run=") for name in storage.names(f"staged/{dataset}/{user}"))
            told = [run_id for run_id in staged if run_id in runs and runs[run_id].inputs]
            newest[user] = max([newest.get(user, ""), *told])
    return {name for run_id in newest.values() if run_id for name in (run_id, *runs[run_id].inputs)}


def _remove_staged(storage: Storage, removed: Removed, goes: Any) -> None:
    folders: dict[str, list[str]] = {}
    for dataset in storage.names("staged"):
        for user in storage.names(f"staged/{dataset}"):
            for run in storage.names(f"staged/{dataset}/{user}"):
                folder = f"staged/{dataset}/{user}/{run}"
                if goes(folder, run.removeprefix("run=")):
                    folders.setdefault(user.removeprefix("user="), []).append(folder)
    for slug, found in folders.items():
        try:
            with user_lock(storage, slug):
                removed.bytes += sum(map(storage.remove, found))
                removed.staged += len(found)
        except Running:
            removed.busy += (slug,)


def _batches(storage: Storage) -> Iterator[tuple[str, str]]:
    """Every folder or file that belongs to a batch, with the batch's id."""
    for room in ("resolved", "loaded", "before"):
        for table in storage.names(room):
            for batch in storage.names(f"{room}/{table}"):
                yield f"{room}/{table}/{batch}", batch.removeprefix("batch=").removesuffix(".json")
