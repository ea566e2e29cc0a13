"""Remove every trace of a profile from the files; files that others share are written anew without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from typing import Any

import msgspec

from pipeline.duck import copy_to, open_duckdb, parquet, quoted
from pipeline.events import Extracted, ImportRequested, Loaded, Transformed
from pipeline.journal import Journal
from pipeline.storage import Storage
from stages.extract.names import asked_name


def runs_of(storage: Storage, slug: str, user_ids: Iterable[str], others: Set[str]) -> dict[str, list[Any]]:
    """The events of every run of the profile, or of these users, by run id.

    A run of theirs that read one of the profiles `others`, which somebody else has now, is not among them.
    """
    wanted = set(user_ids)
    found = {}
    for run_id in storage.names("runs"):
        events = Journal(storage, run_id).events()
        if any(_is_of(event, slug, wanted, others) for event in events):
            found[run_id] = events
    return found


def _is_of(event: Any, slug: str, user_ids: Set[str], others: Set[str]) -> bool:
    if isinstance(event, Extracted):
        of = event.trakt_slug
    elif isinstance(event, ImportRequested):
        of = asked_name(event.user).slug
    else:
        return False
    return of == slug or (event.user_id in user_ids and of not in others)


def forget_files(storage: Storage, slug: str, runs: dict[str, list[Any]]) -> Counter[str]:
    """Remove what is staged, resolved, kept and told of these runs; how many files went or were written anew."""
    events = [event for said in runs.values() for event in said]
    slugs = {slug} | {event.trakt_slug for event in events if isinstance(event, Extracted)}
    batches = {event.batch_id for event in events if isinstance(event, Transformed | Loaded)} | set(runs)
    gone: Counter[str] = Counter()
    for dataset in storage.names("staged"):
        for one in slugs:
            gone["staged files"] += _remove(storage, f"staged/{dataset}/user={one}")
    for room in ("resolved", "loaded", "before"):
        for folder in _batch_folders(storage, room, batches):
            gone[f"{room} files"] += _without(storage, folder, slugs)
    for batch_id in sorted(batches):
        _without_events(storage, f"loaded/events/batch={batch_id}.json", set(runs))
    for night_id in storage.names("nights"):
        gone["night reports, written anew"] += _without_users(storage, f"nights/{night_id}/report.json", set(runs))
    for run_id in runs:
        for name in (f"reports/{run_id}.json", f"reports/{run_id}.html"):
            gone["reports"] += storage.exists(name)
            storage.remove(name)
        _remove(storage, f"runs/{run_id}")
    gone["journals"] = len(runs)
    for one in slugs:
        storage.remove(f"locks/{one}.lock")
    return gone


def _remove(storage: Storage, folder: str) -> int:
    """How many files went."""
    files = sum(1 for _ in storage.walk(folder))
    storage.remove(folder)
    return files


def _batch_folders(storage: Storage, room: str, batches: set[str]) -> Iterator[str]:
    for dataset in storage.names(room):
        for folder in storage.names(f"{room}/{dataset}"):
            if folder.removeprefix("batch=") in batches:
                yield f"{room}/{dataset}/{folder}"


def _without(storage: Storage, folder: str, slugs: set[str]) -> int:
    """The files of a batch without the rows of these profiles; those that hold nothing else are removed."""
    name = f"{folder}/part-0.parquet"
    mine = f"trakt_slug in ({', '.join(quoted(slug) for slug in sorted(slugs))})"
    with open_duckdb() as connection:
        source = parquet(storage, [name])
        own, others = connection.execute(
            f"select count(*) filter ({mine}), count(*) filter (not coalesce({mine}, false)) from {source}"
        ).fetchall()[0]
        if own and others:
            copy_to(connection, storage, f"select * from {source} where not coalesce({mine}, false)", name)
    if not others:
        storage.remove(folder)
    return 1 if own or not others else 0


def _without_events(storage: Storage, name: str, runs: set[str]) -> None:
    if storage.exists(name):
        left = [event for event in msgspec.json.decode(storage.read(name)) if event["run_id"] not in runs]
        if left:
            storage.write(name, msgspec.json.encode(left))
        else:
            storage.remove(name)


def _without_users(storage: Storage, name: str, runs: set[str]) -> int:
    if not storage.exists(name):
        return 0
    report = msgspec.json.decode(storage.read(name))
    left = [user for user in report["users"] if user["run_id"] not in runs]
    if len(left) == len(report["users"]):
        return 0
    storage.write(name, msgspec.json.format(msgspec.json.encode(report | {"users": left}), indent=1))
    return 1
