"""Rows that other sessions hold are waited for, by trying again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import DatabaseError
from stages.database import RowsLocked

T = TypeVar("T")
PATIENCE = 60.0
"""So long (seconds) may other sessions hold rows that are to be written."""


def patiently(work: Callable[[], T], again: type[DatabaseError] | tuple[type[DatabaseError], ...] = RowsLocked) -> T:
    """Do it again for as long as it raises `again`, until `PATIENCE` is used up; a transaction that failed wrote nothing."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except again:
            if time.monotonic() > until:
                raise
        time.sleep(random.uniform(0.02, 0.2))
