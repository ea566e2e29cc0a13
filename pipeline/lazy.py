"""Imports that others do for nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def left_out(name: str) -> Iterator[None]:
    """While this lasts, whoever imports the module gets an empty one; afterwards it can be imported as ever."""
    stub = sys.modules.setdefault(name, ModuleType(name))
    try:
        yield
    finally:
        if not getattr(stub, "__file__", None):
            sys.modules.pop(name, None)
