"""Whatever changes between two nights, reading only what changed ends as a full reading does."""

from __future__ import annotations

import json
import random
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.cli import run_cli
from tests.sandbox.accounts import make_account
from tests.sandbox.server import Sandbox
from tests.sandbox.titles import Title

CHANGES = ("play", "old play", "new title", "remove play", "rate", "rerate", "unrate", "list", "unlist")
PLAYS = ("play", "old play", "new title", "remove play")
NIGHTS = st.lists(
    st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 10_000)), min_size=0, max_size=4),
    min_size=1,
    max_size=2,
)


def change(account, what, seed):
    """Do to the profile what people do; stats follow."""
    rng = random.Random(seed)
    if what in ("play", "old play", "new title"):
        title = _unseen(account, rng) if what == "new title" else rng.choice(account.titles)
        day = f"2026-11-{1 + seed % 28:02}" if what != "old play" else f"2019-{1 + seed % 12:02}-03"
        account.add_play(title, f"{day}T{seed % 24:02}:{seed % 60:02}:00.000Z", episode=seed % 2)
    elif what == "remove play" and account.history:
        account.remove_play(rng.randrange(len(account.history)))
    elif what == "rate":
        title = _unseen(account, rng)
        row = {"rated_at": "2026-11-20T01:02:03.000Z", "rating": 1 + seed % 10, "type": title.kind}
        account.ratings.insert(0, row | {title.kind: title.movie() if title.kind == "movie" else title.show()})
    elif what == "rerate" and account.ratings:
        row = rng.choice(account.ratings)
        row["rating"] = 1 + row["rating"] % 10
        row["rated_at"] = "2026-11-21T01:02:03.000Z"
    elif what == "unrate" and len(account.ratings) > 1:
        account.ratings.pop(rng.randrange(len(account.ratings)))
    elif what == "list":
        title = _unseen(account, rng)
        row = {"rank": 0, "id": 5_000_000 + seed, "listed_at": f"2026-11-22T02:{seed % 60:02}:00.000Z", "notes": None}
        media = {title.kind: title.movie() if title.kind == "movie" else title.show()}
        account.watchlist.append(row | {"type": title.kind} | media)
    elif what == "unlist" and len(account.watchlist) > 1:
        account.watchlist.pop(rng.randrange(len(account.watchlist)))
    account.changed()


def visible(night):
    """What figures can tell: nothing of the night makes up for another, by number."""
    signs, kept = {}, []
    for what, number in night:
        about = "plays" if what in PLAYS else "ratings" if "rate" in what else what
        if signs.setdefault(about, (what == "remove play")) == (what == "remove play"):
            kept.append((what, number))
        if about == "ratings":
            signs[about] = None
    return kept


def _unseen(account, rng) -> Title:
    return rng.choice(SPARE)


SPARE = make_account("spare", seed=9, movies=40, shows=10, plays=200).titles


def _call(capsys, *arguments):
    capsys.readouterr()
    code = run_cli(["-q", *arguments])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(nights=NIGHTS, seed=st.integers(0, 1000))
def test_an_incremental_reading_equals_a_full_one(nights, seed, tmp_path_factory, monkeypatch, capsys):
    home: Path = tmp_path_factory.mktemp("night")
    monkeypatch.chdir(home)
    monkeypatch.setenv("TRAKT_CLIENT_ID", "k")
    account = make_account(
        "otter",
        seed=seed,
        movies=8,
        shows=3,
        plays=300,
        ratings=9,
        collection_movies=0,
        collection_shows=0,
        watchlist=5,
    )
    with Sandbox([account], limit=1_000_000) as sandbox:
        monkeypatch.setenv("TRAKT_API_URL", sandbox.url)
        _call(capsys, "run", "otter", "--add-missing")
        for night in nights:
            for what, number in visible(night):
                change(account, what, number)
            sandbox.forget()
            _call(capsys, "run", "otter", "--add-missing")
            incremental = json.loads(_call(capsys, "report", "--format", "json"))
            asked = sandbox.count()
            full = json.loads(_call(capsys, "run", "otter", "--full", "--add-missing", "--json"))
            again = json.loads(_call(capsys, "report", "--format", "json"))

            assert full["imported_titles"] == []
            assert again["gone"] == incremental["gone"]
            assert again["not_in_catalogue"] == incremental["not_in_catalogue"]
            assert incremental["balanced"]
            assert asked <= 3 or night
