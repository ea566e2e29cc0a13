"""The client against recorded replies, without a server.

The cassette is recorded against the project's sandbox (`RECORD_CASSETTES=1 make test`), which imitates Trakt from
published facts: it proves that the client's requests and its reading of replies stay as they are, not that Trakt
answers so today.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import vcr

from tests.sandbox.accounts import catalogue_rows, make_account
from tests.sandbox.server import Sandbox

CASSETTE = Path(__file__).parent / "cassettes" / "otter.yaml"
RECORDING = bool(os.environ.get("RECORD_CASSETTES"))


def make():
    return make_account("otter", username="Otter", movies=12, shows=3, plays=60, sample=False)


@pytest.fixture
def cassette(home, monkeypatch):
    recorder = vcr.VCR(
        record_mode="all" if RECORDING else "none",
        match_on=["method", "path", "query"],
        filter_headers=["trakt-api-key"],
        decode_compressed_response=True,
    )
    account = make()
    home.catalogue(catalogue_rows([account]))
    with Sandbox([account], limit=100_000) as sandbox:
        monkeypatch.setenv("TRAKT_API_URL", sandbox.url if RECORDING else "http://127.0.0.1:9")
        with recorder.use_cassette(str(CASSETTE)) as tape:
            yield tape


def test_a_recorded_profile_comes_over_whole(home, cassette):
    result = home.call("run", "Otter", "--json")

    assert result.code == 0, result.err
    assert home.rows("select count(*) from watches") == [(60,)]
    assert home.rows("select user_id, trakt_slug from trakt_accounts") == [("otter", "otter")]
    assert RECORDING or cassette.all_played


def test_the_key_is_not_on_the_tape():
    assert "client-id-of-the-tests" not in CASSETTE.read_text(encoding="utf-8")
