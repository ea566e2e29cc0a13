"""Imports that wait until somebody needs them."""

from __future__ import annotations

import importlib.util
import sys


def defer(name: str) -> None:
    """Have a module loaded when the first of its names is used, however early somebody else imports it."""
    parent, _, child = name.rpartition(".")
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if parent:
        setattr(sys.modules[parent], child, module)
