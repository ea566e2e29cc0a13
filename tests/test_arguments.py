"""What a shell hands over: arguments and standard input as they come, in whatever encoding."""

from __future__ import annotations

import io
import sys

import pytest

from tests.sandbox.accounts import make_account

pytestmark = pytest.mark.one_database


def given(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="ascii"))


def asked(home, monkeypatch, data):
    given(monkeypatch, data)
    return home.call("run", "--request", "-", "--json")


@pytest.mark.parametrize(
    "arguments",
    [("run", "caf\udce9"), ("run", "otter", "--user-id", "\udce9"), ("users", "add", "caf\udce9"), ("query", "\udce9")],
)
def test_an_argument_that_is_no_text_is_bad_input(home, arguments):
    result = home.call(*arguments, "--json")

    assert result.code == 2
    assert result.json["error"].endswith("udce9' is not UTF-8")


def test_a_request_is_utf_8_whatever_the_locale(home, served, monkeypatch):
    served(make_account("otter", movies=3, shows=1, plays=5))

    assert asked(home, monkeypatch, '\ufeff{"trakt_username": "otter", "note": "ü"}'.encode()).code == 0


def test_a_question_is_utf_8_whatever_the_locale(home, monkeypatch):
    given(monkeypatch, "select 'ü' as a;".encode())
    assert home.call("query", "--format", "csv").out == "a\nü\n"
    given(monkeypatch, b"select '\xfc'")
    assert home.call("query").code == 2


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"trakt_username": "a\\ud800b"}', b"\xff\xfe\x00", b"", b'{"trakt_username": ["x"]}']
)
def test_a_request_that_cannot_be_one_is_bad_input(home, monkeypatch, data):
    result = asked(home, monkeypatch, data)

    assert result.code == 2
    assert set(result.json) == {"error", "hint", "run_id"}
    assert result.json["run_id"] is None
