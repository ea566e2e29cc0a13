"""The catalogue: fill it from files, freeze it into the snapshot that runs are resolved against."""

from stages.catalog.filling import Filled, load_catalogue
from stages.catalog.snapshot import current_snapshot, take_snapshot

__all__ = ["Filled", "current_snapshot", "load_catalogue", "take_snapshot"]
