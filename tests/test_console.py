"""What a person, and a machine that reads the logs, see of an import."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from pipeline.display.console import Lines
from pipeline.display.pace import RATE_LIMIT, Pace, spoken
from pipeline.display.terminal import Bars
from tests.sandbox.accounts import make_account


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def small(served):
    return served(make_account("otter", movies=20, shows=3, plays=60), missing=2)


def test_every_line_of_a_run_is_json_when_machines_read_the_logs(home, served, monkeypatch):
    account = make_account("otter", movies=20, shows=3, plays=60)
    account.stats["movies"]["watched"] += 1
    account.changed(stats=False)
    served(account)
    monkeypatch.setenv("LOG_FORMAT", "json")

    lines = [json.loads(line) for line in home.call("run", "-v", "otter").err.splitlines()]

    assert [line["stage"] for line in lines if "stage" in line] == ["extract", "transform", "load", "report"]
    assert any("doubt" in line for line in lines)
    assert any(line.get("endpoint") == "history" and line["pages"] == 1 for line in lines)
    assert list(lines[-1]) == ["run_id"]


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["run", "someone@example.org"], {}),
        (["run", "otter", "--no-such-option"], {}),
        (["run", "otter"], {"TRAKT_PATIENCE": "soon"}),
        (["run", "otter"], {"TRAKT_CLIENT_ID": ""}),
    ],
)
def test_an_error_is_one_json_object_when_machines_read_the_logs(home, monkeypatch, arguments, settings):
    for name, value in {"LOG_FORMAT": "json", **settings}.items():
        monkeypatch.setenv(name, value)

    (line,) = home.call(*arguments).err.splitlines()

    assert json.loads(line)["error"]
    assert json.loads(line)["hint"]


def test_quiet_leaves_the_result_and_the_run_id(home, small):
    result = home.call("run", "otter", "-q")

    assert result.code == 0
    assert result.out.splitlines()[-1].startswith("Import completed: ")
    assert [line.split()[0] for line in result.err.splitlines()] == ["run"]


def test_a_run_says_what_the_catalogue_lacks_and_where_the_rest_is_listed(home, small):
    out = home.call("run", "otter").out

    assert "not in the catalogue: " in out
    assert "trakt-import report" in out


def test_a_long_list_of_doubts_is_cut_short_unless_more_is_asked_for(home, served):
    account = make_account("otter", movies=40, shows=3, plays=60)
    for row in account.watched_movies:
        row["plays"] += 1
    served(account)

    short = home.call("run", "otter").err.splitlines()
    long = home.call("run", "-v", "otter", "--full").err.splitlines()

    assert sum(line.startswith("doubt") for line in short) == 20
    assert any("doubts more" in line for line in short)
    assert sum(line.startswith("doubt") for line in long) >= 40


def test_a_wait_is_told_once_with_what_is_left(capsys):
    watch = Watch()
    lines = Lines("text", 0, watch)
    lines.pages("history", 1, 100, 250)
    watch.seconds += 20
    lines.pages("history", 40, 100, 10_000)
    for _ in range(5):
        lines.waiting(280, RATE_LIMIT)

    said = [line.partition(" ")[2] for line in capsys.readouterr().err.splitlines()]

    assert said == [
        "40 of 100 pages, 10,000 rows, about 30 s left",
        "waiting 4:40 min: rate limit; 60 of 100 pages left, about 9:40 min in all",
    ]


def test_the_pace_follows_the_windows_of_the_limit():
    watch = Watch()
    pace = Pace(watch)
    pace.page("history", 1, 1500, 250)
    watch.seconds += 20
    pace.page("history", 490, 1500, 122_500)
    pace.hold(280, RATE_LIMIT)
    pace.page("history", 500, 1500, 125_000)  # was under way

    assert pace.left() == 280 + 300
    watch.seconds += 285
    pace.page("history", 510, 1500, 127_500)
    assert pace.held == 0
    assert pace.left() == 300  # 990 left: this window, and one more


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (59.6, "1:00 min"), (272, "4:32 min"), (3900, "1:05 h")])
def test_lengths_of_time_are_spoken(seconds, text):
    assert spoken(seconds) == text


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_pages_rows_and_what_holds_it(width):
    watch = Watch()
    out = io.StringIO()
    bars = Bars(Console(file=out, force_terminal=True, width=width, highlight=False, no_color=True), watch)

    with bars:
        bars.stage("extract")
        bars.pages("history", 1, 74, 250)
        watch.seconds += 2
        bars.pages("history", 37, 74, 9_250)
        bars.waiting(272, RATE_LIMIT)
        bars._live.refresh()
        shown = out.getvalue()
        bars.stage("load")

    lines = [line for part in shown.split("\r") for line in part.splitlines()]
    assert any("37/74 pages" in line and "9,250 rows" in line for line in lines)
    assert any("the rate limit opens in 4:32 min" in line for line in lines)
    assert all(len(line) <= width for line in lines if "\x1b" not in line)
    assert "37 pages, 9,250 rows, 2.0 s" in out.getvalue()


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.cli import run_cli; run_cli(['--help']);"
        "print(sorted({'duckdb', 'pyarrow', 'httpx', 'rich', 'msgspec', 'asyncio', 'tenacity'} & set(sys.modules)))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.splitlines()[-1] == "[]"


def test_a_run_that_nobody_watches_does_not_load_rich(small, home):
    code = "import sys; from pipeline.cli import run_cli; run_cli(['run', 'otter']); print('rich' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.splitlines()[-1] == "False"
