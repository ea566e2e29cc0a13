"""The README says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.cli import cli

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_every_command_stands_in_the_readme():
    missing = [name for name in cli.commands if f"`trakt-import {name}" not in README and f"| `{name}" not in README]

    assert not missing


def test_every_setting_stands_in_the_readme():
    code = (Path(__file__).parent.parent / "pipeline" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:text|number)\("([A-Z_]+)"', code))

    assert names
    assert not [name for name in names if f"`{name}`" not in README]
