"""The catalogue: fill it from files, freeze it into the snapshot that runs are resolved against."""

from stages.catalog.check import Checked, check_catalogue
from stages.catalog.filling import Filled, load_catalogue
from stages.catalog.snapshot import current_snapshot, take_snapshot

__all__ = ["Checked", "Filled", "check_catalogue", "current_snapshot", "load_catalogue", "take_snapshot"]
