"""The sandbox behaves as the live API does, where an importer can tell."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.accounts import Account, catalogue_rows, make_account
from tests.sandbox.demo import demo_account
from tests.sandbox.faults import PRIVACY, Faults
from tests.sandbox.odd import ODDITIES
from tests.sandbox.server import Sandbox

HEADERS = {"trakt-api-key": "key", "trakt-api-version": "2", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def account() -> Account:
    return make_account("quiet-otter", username="Quiet.Otter", movies=300, shows=120, plays=1500, ratings=400)


@pytest.fixture
def sandbox(account: Account) -> Iterator[Sandbox]:
    account.faults = Faults()
    with Sandbox([account], limit=10_000) as server:
        yield server


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, headers=HEADERS, timeout=5) as http:
        yield http


def pages(client: httpx.Client, path: str, limit: int = 250, **query: str) -> list[Any]:
    rows: list[Any] = []
    for page in range(1, 10_000):
        reply = client.get(path, params={"page": page, "limit": limit, **query})
        assert reply.status_code == 200
        rows += reply.json()
        if page >= int(reply.headers["X-Pagination-Page-Count"]) and not reply.json():
            return rows
    raise AssertionError("pages without end")


def ids(rows: list[Any]) -> list[int]:
    return [row["id"] for row in rows]


def test_accounts_are_the_same_every_time_and_agree_with_themselves() -> None:
    one, two = (make_account("a", plays=800, movies=200, shows=30, watching=True) for _ in range(2))
    assert one.history == two.history
    assert one.ratings == two.ratings
    assert one.watched_shows == two.watched_shows
    assert len(one.history) == 800 == len(set(ids(one.history)))
    assert (len(one.watched_movies), len(one.watched_shows)) == (200, 30)
    assert sum(row["plays"] for row in one.watched_movies + one.watched_shows) == 800
    for row in one.watched_shows:
        episodes = [episode for season in row["seasons"] for episode in season["episodes"]]
        assert sum(episode["plays"] for episode in episodes) == row["plays"]
        assert max(episode["last_watched_at"] for episode in episodes) == row["last_watched_at"]
    dates = [row["watched_at"] for row in one.history]
    assert dates == sorted(dates, reverse=True)
    assert all(date.endswith(":00.000Z") for date in dates)
    assert any(row["reset_at"] for row in one.watched_shows)
    assert one.stats["total_plays"] == 800
    assert one.stats["ratings"]["total"] == len(one.ratings)


def test_catalogue_covers_the_accounts() -> None:
    account = make_account("a", plays=300, movies=80, shows=15)
    rows = catalogue_rows([account, make_account("b", plays=10, movies=5, shows=2)])
    known = {(row["kind"], row["trakt_id"]) for row in rows}
    lists = account.history + account.watchlist + account.collection_movies + account.ratings
    for row in lists:
        kind = "movie" if row.get("movie") else "show"
        assert (kind, row[kind]["ids"]["trakt"]) in known
    assert len(known) == len(rows) == len(catalogue_rows([account], missing=7)) + 7
    assert len({row["title_id"] for row in rows}) == len(rows)


def test_large_accounts_are_made_quickly() -> None:
    start = time.perf_counter()
    account = make_account("heavy", plays=100_000, movies=4000, shows=600, sample=False)
    assert len(account.history) == 100_000
    assert time.perf_counter() - start < 10


def test_history_pages_filters_and_clamps(account: Account, client: httpx.Client) -> None:
    assert pages(client, "/users/QUIET-otter/history") == account.history
    reply = client.get("/users/quiet-otter/history?limit=1000")
    assert len(reply.json()) == 250
    assert reply.headers["X-Pagination-Limit"] == "250"
    assert reply.headers["X-Pagination-Item-Count"] == "1500"
    assert reply.headers["X-Pagination-Page-Count"] == "6"
    assert len(client.get("/users/quiet-otter/history").json()) == 100
    reply = client.get("/users/quiet-otter/history?page=99")
    assert (reply.status_code, reply.json()) == (200, [])
    shows = pages(client, "/users/quiet-otter/history/shows")
    assert shows == [row for row in account.history if row["type"] == "episode"]
    movie = account.watched_movies[0]["movie"]["ids"]
    one = pages(client, f"/users/quiet-otter/history/movies/{movie['trakt']}")
    assert len(one) == account.watched_movies[0]["plays"]
    middle = account.history[700]["watched_at"]
    newer = pages(client, "/users/quiet-otter/history", start_at=middle)
    older = pages(client, "/users/quiet-otter/history", end_at=middle)
    same = sum(row["watched_at"] == middle for row in account.history)
    assert len(newer) + len(older) == 1500 + same
    assert client.get("/users/quiet-otter/history?start_at=soon").status_code == 400


def test_watched_shapes(account: Account, client: httpx.Client) -> None:
    path = "/users/quiet-otter/watched/shows"
    plain = client.get(path).json()
    assert len(plain) == 100
    assert "seasons" not in plain[0]
    assert plain[0]["show"]["aired_episodes"]
    progress = client.get(path, params={"extended": "progress", "limit": 250})
    assert len(progress.json()) == 100
    assert progress.headers["X-Pagination-Limit"] == "100"
    assert all(season["number"] for row in progress.json() for season in row["seasons"])
    with_specials = pages(client, path, 100, extended="progress", specials="true")
    assert with_specials == account.watched_shows
    assert any(season["number"] == 0 for row in with_specials for season in row["seasons"])
    dates = client.get("/users/quiet-otter/watched/movies?extended=min").json()
    assert len(dates) == 300
    short = client.get(path, params={"extended": "min", "specials": "true", "season_numbers": "true"}).json()
    plays = [date for show in short.values() for season in show.values() for one in season.values() for date in one]
    assert len(plays) == sum(row["plays"] for row in account.watched_shows)
    assert all("|" in key for show in short.values() for key in show)


def test_watchlist_ratings_collection_and_media(account: Account, client: httpx.Client) -> None:
    reply = client.get("/users/quiet-otter/watchlist/shows")
    assert {row["type"] for row in reply.json()} == {"show"}
    assert reply.headers["X-Pagination-Item-Count"] == str(len(account.watchlist))
    added = client.get("/users/quiet-otter/watchlist?sort_by=added&sort_how=desc").json()
    assert [row["listed_at"] for row in added] == sorted((r["listed_at"] for r in added), reverse=True)
    everything = client.get("/users/quiet-otter/ratings")
    assert everything.json() == account.ratings
    assert "X-Pagination-Page" not in everything.headers
    assert {row["type"] for row in account.ratings} == {"movie", "show", "season", "episode"}
    assert pages(client, "/users/quiet-otter/ratings/movies", 50)
    assert pages(client, "/users/quiet-otter/collection/movies") == account.collection_movies
    assert pages(client, "/users/quiet-otter/collection/shows") == account.collection_shows
    movie = account.watched_movies[0]["movie"]
    for item in (movie["ids"]["trakt"], movie["ids"]["slug"], movie["ids"]["imdb"]):
        assert client.get(f"/movies/{item}").json()["ids"]["trakt"] == movie["ids"]["trakt"]
    assert client.get("/movies/1").status_code == 200
    assert client.get("/movies/2").status_code == 404


def test_people_headers_and_paths(client: httpx.Client, sandbox: Sandbox) -> None:
    profile = client.get("/users/quiet-otter").json()
    assert profile["username"] == "Quiet.Otter"
    assert profile["ids"]["slug"] == "quiet-otter"
    assert client.get("/users/quiet-otter/stats").json()["total_plays"] == 1500
    assert client.get("/users/quiet-otter/watching").status_code == 204
    unknown = client.get("/users/nobody/history")
    assert (unknown.status_code, unknown.content) == (404, b"")
    assert client.get("/users/Quiet.Otter/history").status_code == 405
    assert client.get("/users/Quiet.Otter").status_code == 404
    assert client.get("/users//history").status_code == 405
    for name, status in (
        ("trakt-api-key", 403),
        ("trakt-api-version", 412),
        ("Content-Type", 412),
        ("User-Agent", 403),
    ):
        request = client.build_request("GET", "/movies/1")
        del request.headers[name]
        assert client.send(request).status_code == status
    assert sandbox.count("stats") == 1
    assert sandbox.count("history") == 3
    assert sandbox.requests[0] == ("GET", "/users/quiet-otter", {})


def test_rate_limit_counts_each_key() -> None:
    now = [1_800_000_000.0]
    with (
        Sandbox([demo_account()], limit=2, period=300, clock=lambda: now[0]) as server,
        httpx.Client(base_url=server.url, headers=HEADERS) as http,
    ):
        left = [json.loads(http.get("/movies/1").headers["X-Ratelimit"])["remaining"] for _ in range(2)]
        now[0] += 100
        refused = http.get("/movies/1")
        assert left == [1, 0]
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "200"
        assert http.get("/movies/1", headers={"trakt-api-key": "other"}).status_code == 200
        now[0] += 200
        assert http.get("/movies/1").status_code == 200


def test_pages_that_lie_lose_nothing(account: Account, client: httpx.Client) -> None:
    account.faults = Faults(page_lag={"history": 2}, empty_page={"history": 3}, short_pages={"history": {5: 107}})
    first = client.get("/users/quiet-otter/history?limit=100")
    assert first.headers["X-Pagination-Page-Count"] == "14"
    rows = [client.get(f"/users/quiet-otter/history?limit=250&page={page}").json() for page in range(1, 9)]
    assert (len(rows[2]), len(rows[4])) == (0, 107)
    assert [row for page in rows for row in page] == account.history
    account.faults = Faults(duplicate_rows={"ratings": 2}, no_pagination_headers={"watchlist"})
    double = pages(client, "/users/quiet-otter/ratings", 100)
    assert len(double) == 400
    assert len({json.dumps(row, sort_keys=True) for row in double}) == 398
    assert pages(client, "/users/quiet-otter/ratings", 99) == account.ratings
    assert "X-Pagination-Page" not in client.get("/users/quiet-otter/watchlist").headers
    account.faults = Faults(dropped_rows={"history": {2: 3}})
    assert len(pages(client, "/users/quiet-otter/history")) == 1497


def test_failures(account: Account, sandbox: Sandbox, client: httpx.Client) -> None:
    path = "/users/quiet-otter/history"
    actions: list[int | str] = [
        "429:7",
        "429-bare",
        502,
        "403html",
        "html200",
        "drop",
        "cut",
        "truncated",
        "hang:0.05",
        "trickle:0",
    ]
    account.faults = Faults(fail={"history": actions}, fail_always={"stats": 500})
    busy = client.get(path)
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    bare = client.get(path)
    assert bare.status_code == 429
    assert "Retry-After" not in bare.headers
    assert "X-Ratelimit" not in bare.headers
    assert [client.get(path).status_code for _ in range(3)] == [502, 403, 200]
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(path)
    with pytest.raises(json.JSONDecodeError):
        client.get(path).json()
    assert [len(client.get(path).json()) for _ in range(3)] == [100, 100, 100]
    assert [client.get("/users/quiet-otter/stats").status_code for _ in range(2)] == [500, 500]
    sandbox.faults.key_invalid = True
    assert client.get("/movies/1").content == b"Forbidden"
    sandbox.faults.key_invalid, sandbox.faults.edge_block = False, True
    blocked = client.get("/movies/1")
    assert blocked.status_code == 403
    assert blocked.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("privacy", PRIVACY)
def test_privacy(account: Account, client: httpx.Client, privacy: str) -> None:
    account.faults = Faults(privacy=privacy)
    paths = ("", "/history", "/watched/movies", "/stats")
    replies = [client.get(f"/users/quiet-otter{path}") for path in paths]
    expected = {
        "profile_flag": [200, 401, 401, 401],
        "classic_401": [401, 401, 401, 401],
        "empty_history": [200, 200, 403, 404],
        "forbidden_lists": [200, 403, 403, 404],
        "all_empty": [200, 200, 200, 404],
        "profile_404": [404, 401, 401, 404],
    }
    assert [reply.status_code for reply in replies] == expected[privacy]
    assert all(reply.headers["X-Private-User"] == "true" for reply in replies if reply.status_code == 401)
    assert client.get("/movies/1").status_code == 200


def test_changes_during_a_scan(client: httpx.Client, account: Account, sandbox: Sandbox) -> None:
    changing = make_account("moving", plays=300, movies=100, shows=10)
    sandbox.accounts["moving"] = changing

    def add(endpoint: str, page: int) -> None:
        if endpoint == "history" and page == 2:
            changing.faults.on_request = None
            changing.add_play(changing.titles[0], "2026-10-01T00:00:00.000Z")

    changing.faults.on_request = add
    first, second = (client.get(f"/users/moving/history?page={page}").json() for page in (1, 2))
    assert second[0] == first[-1]
    assert client.get("/users/moving/stats").json()["total_plays"] == 301
    changing.remove_play(0)
    assert sum(row["plays"] for row in changing.watched_movies + changing.watched_shows) == 300


def test_odd_data_and_the_demo(client: httpx.Client, sandbox: Sandbox) -> None:
    odd = make_account("odd", plays=500, movies=150, shows=20, odd=True)
    assert odd.odd == list(ODDITIES)
    sandbox.accounts["odd"] = odd
    for path in ("history", "watchlist", "collection/movies", "ratings", "watched/movies", "watched/shows"):
        assert pages(client, f"/users/odd/{path}")
    demo = demo_account()
    assert demo.watching
    assert len(demo.history) == 700
    assert len(demo.watched_movies) == 60
    assert demo.history == demo_account().history
