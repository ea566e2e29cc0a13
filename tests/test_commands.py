"""The README says what the program does."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pipeline.cli import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_stands_in_the_readme():
    missing = [name for name in cli.commands if f"`trakt-import {name}" not in README and f"| `{name}" not in README]

    assert not missing


def test_make_hands_values_over_as_they_stand(tmp_path):
    told = tmp_path / "trakt-import"
    told.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    told.chmod(0o755)
    value = f"a$b '; $(shell touch {tmp_path}/harm) `touch {tmp_path}/harm`"

    def make(*words):
        command = ["make", "-s", "-o", ".venv/ready", f"BIN={tmp_path}", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    asked = [make("import", f"USER={value}"), make("report", f"RUN={value}"), make("query", f"SQL={value}")]

    assert [result.stdout.splitlines()[-1] for result in asked] == [value] * 3
    assert not (tmp_path / "harm").exists()
    assert make("import").returncode == 2


def test_every_setting_stands_in_the_readme():
    code = (ROOT / "pipeline" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:text|number)\("([A-Z_]+)"', code))

    assert names
    assert not [name for name in names if f"`{name}`" not in README]
