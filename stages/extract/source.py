"""Where the files of a run go, and what all their rows bear."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.storage import Storage


class Source(NamedTuple):
    """The folder, the profile's slug and the run."""

    storage: Storage
    slug: str
    run_id: str
