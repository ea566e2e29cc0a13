"""Merge the page files of finished runs: one file for each endpoint of a run, with the same rows in the same order.

The merged file is written whole before the first page file goes, and whoever lists the folder lets it stand for all
others (`Storage.walk`, `Storage.staged`). So a reader sees every row once at any moment, and what a crash leaves
behind is tidied up by the next time. The user's lock keeps imports away meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pipeline.duck import copy_to, open_duckdb, parquet
from pipeline.errors import Running, StorageError
from pipeline.journal import run_ids
from pipeline.lake.pictures import newest_event
from pipeline.locks import user_lock
from pipeline.storage import MERGED, Storage


@dataclass
class Merged:
    """How many files became how many, in how many runs; the profiles that were left out, being imported just now."""

    before: int = 0
    after: int = 0
    runs: int = 0
    busy: tuple[str, ...] = ()


def merge_pages(storage: Storage) -> Merged:
    """Merge every folder of `staged/` with more than one file whose run has its report.

    Raises `StorageError` where a file cannot be read or written; then everything that was there is there still.
    """
    merged = Merged()
    owners = _finished(storage)
    folders: dict[str, list[str]] = defaultdict(list)
    for dataset in storage.names("staged"):
        for user in storage.names(f"staged/{dataset}"):
            for run in storage.names(f"staged/{dataset}/{user}"):
                folder = f"staged/{dataset}/{user}/{run}"
                owner = owners.get(run.removeprefix("run="))
                if owner is not None and len(storage.names(folder)) > 1:
                    folders[owner].append(folder)
    for slug, found in folders.items():
        try:
            with user_lock(storage, slug):
                for folder in found:
                    before = storage.names(folder)
                    merge_folder(storage, folder)
                    merged.before += len(before)
                    merged.after += 1
        except Running:
            merged.busy += (slug,)
            continue
        merged.runs += len({folder.rpartition("/")[2] for folder in found})
    return merged


def _finished(storage: Storage) -> dict[str, str]:
    """The runs that have their report, each with the profile whose lock keeps readers of its pages away.

    Of a profile that was renamed since, that is its name today.
    """
    owners: dict[str, str] = {}
    finished = set()
    for run_id in run_ids(storage):
        names = storage.names(f"runs/{run_id}/events")
        event = newest_event(storage, run_id, names, "Extracted")
        if event is not None:
            for name in {run_id, *(name for inputs in event["inputs"].values() for name in inputs)}:
                owners.setdefault(name, event["trakt_slug"])
        if any(name.endswith("-Reported.json") for name in names):
            finished.add(run_id)
    return {run_id: slug for run_id, slug in owners.items() if run_id in finished}


def merge_folder(storage: Storage, folder: str) -> None:
    """Merge the files of one folder; the merged file may be there already, from a time that was cut short."""
    pages = [f"{folder}/{name}" for name in storage.names(folder) if name != MERGED]
    if not storage.exists(f"{folder}/{MERGED}"):
        with open_duckdb() as connection:
            source = parquet(storage, pages)
            copy_to(connection, storage, f"from {source}", f"{folder}/{MERGED}", "zstd")
            counts = connection.execute(
                f"select (select count(*) from {source}), (select count(*) from {parquet(storage, [f'{folder}/{MERGED}'])})"
            ).fetchone()
        if counts is None or counts[0] != counts[1]:
            storage.remove(f"{folder}/{MERGED}")
            raise StorageError(f"{folder} could not be merged: {counts}", "Nothing was removed; please report this.")
    for page in pages:
        storage.remove(page)
