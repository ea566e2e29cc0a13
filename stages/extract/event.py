"""The event that an extract ends with."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.errors import PrivateProfile
from pipeline.events import Extracted, ImportRequested
from stages.extract import judgement, witness
from stages.extract.endpoints import STATS
from stages.extract.incremental import marks
from stages.extract.lists import Lists
from stages.extract.names import asked_name
from stages.extract.probe import figures_of
from stages.extract.profile import OPEN_FOR_A_WHILE, Profile
from stages.extract.reader import Desk


def extracted(
    lists: Lists, request: ImportRequested, profile: Profile, user_id: str, last: Extracted | None
) -> Extracted:
    """What the picture stands on, what came of each endpoint, and what it leaves in doubt.

    `last` is what an incremental reading builds upon. Raises `PrivateProfile` where nothing was shown.
    """
    readers, before, client = lists.readers, lists.before, lists.desk.client
    if judgement.is_private(readers):
        raise PrivateProfile(ascii(asked_name(request.user).typed), OPEN_FOR_A_WHILE)
    stats = lists.stats
    implausible = judgement.mark_implausible(readers, stats, before, request.accept_empty)
    inputs: dict[str, tuple[str, ...]] = {}
    for name, reader in readers.items():
        if reader.outcome == "read":
            inputs[name] = (request.run_id,)
        elif reader.outcome == "newest":
            inputs[name] = (*before.inputs.get(name, ()), request.run_id)
        elif name in before.inputs:
            inputs[name] = before.inputs[name]
    standing = [
        doubt for doubt in (last.doubts if last else ()) if readers[doubt.endpoint].outcome in ("unchanged", "newest")
    ]
    at = lists.desk.clock.stamp()
    return Extracted(
        run_id=request.run_id,
        at=at,
        user_id=user_id,
        trakt_username=profile.username,
        trakt_slug=profile.slug,
        trakt_user_id=profile.trakt_id,
        inputs=inputs,
        endpoints={name: reader.figures(judgement.counted(reader.endpoint, stats)) for name, reader in readers.items()},
        stats=_figures(lists, last),
        doubts=(
            *implausible,
            *judgement.doubts(readers, stats, before),
            *witness.differences(lists.dates, readers),
            *standing,
        ),
        requests=client.requests + sum(reader.recalled for reader in readers.values()),
        waited_seconds=round(client.waited, 3),
        full_read_at=last.full_read_at if last else at,
        marks=marks(readers, stats, before.marks),
    )


def unchanged(desk: Desk, request: ImportRequested, user_id: str, last: Extracted) -> Extracted:
    """The picture of `last` stands: nothing was read but what was looked at."""
    return msgspec.structs.replace(
        last,
        run_id=request.run_id,
        at=desk.clock.stamp(),
        user_id=user_id,
        endpoints={},
        requests=desk.client.requests,
        waited_seconds=round(desk.client.waited, 3),
    )


def _figures(lists: Lists, last: Extracted | None) -> dict[str, Any] | None:
    if lists.stats is None:
        return last.stats if last else None
    raw = lists.readers[STATS.name].raw
    figures: dict[str, Any] = figures_of(raw[0]) if raw else msgspec.to_builtins(lists.stats)
    return figures
