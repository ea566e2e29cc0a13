"""Which answer belongs to which path and query, given the accounts and the switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from .accounts import Account
from .faults import Faults
from .titles import Row
from .views import BadRequest, Query, View, Views, cut, page_headers

if TYPE_CHECKING:
    from .server import Sandbox

EDGE_PAGE = (
    b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
    b"<body><h1>Sorry, you have been blocked</h1></body></html>"
)
DEFAULT_LIMIT, MAX_LIMIT, MAX_PROGRESS = 100, 250, 100

_PRIVATE = [("X-Private-User", "true")]
_PUBLIC = [("X-Private-User", "false")]
_HISTORY_TYPES = ("movies", "shows", "episodes", "seasons", "all")
_RATING_TYPES = ("movies", "shows", "seasons", "episodes", "all")
_WATCHLIST_TYPES = frozenset(("all", "movies", "shows", "seasons", "episodes", "movie", "show", "season", "episode"))


class Answer(NamedTuple):
    """A status, the headers of its own, a body; `edge` answers carry none of the API's headers."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    edge: bool = False


class Route(NamedTuple):
    """What a path means. `names` goes from the narrowest name of the endpoint to `*`."""

    endpoint: str
    names: tuple[str, ...]
    faults: tuple[Faults, ...]
    account: Account | None = None
    arguments: tuple[str, ...] = ()
    status: int = 0
    """Not 0 when the path alone decides the answer."""


class Answers:
    """Prepares answers; finished pages are kept until the account changes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._views: dict[str, Views] = {}
        self._objects: dict[tuple[str, str], Row] | None = None
        self._seen: tuple[tuple[int, int], ...] = ()
        self._bodies: dict[tuple[int, int, int], tuple[View, bytes]] = {}

    def route(self, segments: list[str]) -> Route:
        """Find out what a path means."""
        server = (self.sandbox.faults,)
        if segments[0] in ("movies", "shows") and len(segments) == 2:
            kind = segments[0][:-1]
            return Route(kind, (kind, "*"), server, None, (segments[1],))
        if segments[0] != "users" or len(segments) < 2:
            return Route("", ("*",), server, status=412 if segments == [""] else 404)
        slug, rest = segments[1], segments[2:]
        endpoint, names, arguments = _endpoint(rest)
        if not slug or "." in slug:
            return Route(endpoint, (*names, "*"), server, status=405 if rest else 404)
        account = self.sandbox.accounts.get(slug.lower())
        if not names:
            return Route("", ("*",), server, account, status=405 if rest[:1] == ["hidden"] else 404)
        if account is None:
            return Route(endpoint, (*names, "*"), server, status=404)
        return Route(endpoint, (*names, "*"), (account.faults, *server), account, arguments)

    def answer(self, route: Route, query: Query) -> Answer:
        """The proper answer, or what the account's switches make of it."""
        if route.status:
            return Answer(route.status)
        if route.account is None:
            return self._media(route.endpoint, route.arguments[0])
        endpoint = route.endpoint
        for fault in route.faults:
            refused = _withheld(fault, endpoint) or self._emptied(fault, route)
            if refused is not None:
                return refused
        try:
            return self._user(endpoint, route, query)
        except BadRequest as error:
            return Answer(400, body=msgspec.json.encode({"error": str(error)}))

    def _emptied(self, fault: Faults, route: Route) -> Answer | None:
        if fault.empty_endpoint.isdisjoint(route.names):
            return None
        return self._page(View([]), 1, DEFAULT_LIMIT, route)

    def _user(self, endpoint: str, route: Route, query: Query) -> Answer:
        account = route.account
        assert account is not None
        extended = set(query.get("extended", "").split(","))
        if endpoint == "profile":
            return Answer(200, _PUBLIC, msgspec.json.encode(_profile(account, extended, route.faults)))
        if endpoint == "stats":
            if any(fault.stats_204 for fault in route.faults):
                return Answer(204)
            if any(fault.stats_404 for fault in route.faults):
                return Answer(404)
            return Answer(200, _PUBLIC, msgspec.json.encode(account.stats))
        if endpoint == "watching":
            if account.watching is None:
                return Answer(204)
            return Answer(200, body=msgspec.json.encode(account.watching))
        view = self._view(endpoint, route, query, extended)
        unpaged = endpoint == "ratings" and not query.get("limit")
        unpaged = unpaged or (view.opening == b"{" and not query.get("limit") and not query.get("page"))
        if unpaged:
            return Answer(200, list(view.headers), view.body())
        most = MAX_PROGRESS if endpoint == "watched_shows" and "progress" in extended else MAX_LIMIT
        limit = min(most, _positive(query, "limit", DEFAULT_LIMIT))
        return self._page(view, _positive(query, "page", 1), limit, route)

    def _view(self, endpoint: str, route: Route, query: Query, extended: set[str]) -> View:
        assert route.account is not None
        views = self._views.get(route.account.slug)
        if views is None or views.account is not route.account or views.revision != route.account.revision:
            views = self._views[route.account.slug] = Views(route.account)
            self._bodies.clear()
        first, second, third = (*route.arguments, "", "", "")[:3]
        specials = query.get("specials", "").lower() in ("true", "1")
        if endpoint == "history":
            return views.history(first, second, query)
        if endpoint == "ratings":
            return views.ratings(first, second)
        if endpoint == "watchlist":
            sort_by = second or query.get("sort_by") or "rank"
            return views.watchlist(first, sort_by, third or query.get("sort_how") or "asc")
        if endpoint in ("watched_movies", "watched_shows") and "min" in extended:
            numbers = query.get("season_numbers", "").lower() in ("true", "1")
            return views.minimal(endpoint.removeprefix("watched_"), numbers, specials)
        if endpoint == "watched_shows":
            return views.watched_shows("progress" in extended, specials)
        return views.kept(endpoint) or views.keep(endpoint, View(views.encoded(endpoint)))

    def _page(self, view: View, page: int, limit: int, route: Route) -> Answer:
        headers = [*view.headers, *page_headers(view, page, limit, route.names, route.faults)]
        if any(_spoils_pages(fault) for fault in route.faults):
            return Answer(200, headers, view.body(cut(view, page, limit, route.names, route.faults)))
        key = (id(view), page, limit)
        held = self._bodies.get(key)
        if held is None or held[0] is not view:
            held = self._bodies[key] = (view, view.body(view.rows[(page - 1) * limit : page * limit]))
            if len(self._bodies) > 4096:
                self._bodies.pop(next(iter(self._bodies)))
        return Answer(200, headers, held[1])

    def _media(self, kind: str, item: str) -> Answer:
        seen = tuple((len(account.titles), account.revision) for account in self.sandbox.accounts.values())
        if self._objects is None or seen != self._seen:
            self._seen, self._objects = seen, {}
            neutral: Row = {
                "title": "The First Title",
                "year": 2010,
                "ids": {"trakt": 1, "slug": "the-first-title"},
            }
            self._objects[("movie", "1")] = self._objects[("show", "1")] = neutral
            for account in self.sandbox.accounts.values():
                for title in account.titles:
                    row = title.movie() if title.kind == "movie" else title.show()
                    for key in (str(title.trakt), title.slug, title.imdb):
                        if key:
                            self._objects[(title.kind, key)] = row
        found = self._objects.get((kind, item))
        return Answer(404) if found is None else Answer(200, body=msgspec.json.encode(found))


def _endpoint(rest: list[str]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A user's endpoint, its names (narrowest first) and the path's arguments; all empty for no endpoint."""
    match rest:
        case []:
            return "profile", ("profile",), ()
        case ["stats"] | ["watching"]:
            return rest[0], (rest[0],), ()
        case ["watched" | "collection", "movies" | "shows"]:
            name = "_".join(rest)
            return name, (name, rest[0]), ()
        case ["history" | "ratings" | "watchlist" as name]:
            return name, (name,), ()
        case ["history", kind, *more] if len(more) <= 1 and kind in _HISTORY_TYPES:
            return "history", (f"history_{kind}", "history"), (kind, *more)
        case ["ratings", kind, *more] if len(more) <= 1 and kind in _RATING_TYPES:
            return "ratings", (f"ratings_{kind}", "ratings"), (kind, *more)
        case ["watchlist", kind, *more] if len(more) <= 2 and set(kind.split(",")) <= _WATCHLIST_TYPES:
            return "watchlist", (f"watchlist_{kind}", "watchlist"), (kind, *more)
    return "", (), ()


def _withheld(fault: Faults, endpoint: str) -> Answer | None:
    """What a private or deleted account answers; None for a proper answer."""
    if fault.deleted == "412":
        return Answer(412)
    if fault.deleted and endpoint != "profile":
        return Answer(404)
    privacy = fault.privacy
    if privacy is None:
        return None
    if privacy in ("profile_flag", "classic_401", "profile_404"):
        if privacy == "profile_404" and endpoint in ("profile", "stats"):
            return Answer(404)
        return None if privacy == "profile_flag" and endpoint == "profile" else Answer(401, _PRIVATE)
    if endpoint == "profile":
        return None
    if endpoint == "stats":
        return Answer(404)
    if endpoint == "watching":
        return Answer(204)
    if privacy == "all_empty" or (privacy == "empty_history" and endpoint == "history"):
        return Answer(200, [*page_headers(View([]), 1, DEFAULT_LIMIT, (endpoint,), ())], b"[]")
    return Answer(403, body=b'{"error":"forbidden"}' if privacy == "forbidden_lists" else b"")


def _profile(account: Account, extended: set[str], faults: tuple[Faults, ...]) -> Row:
    profile = dict(account.profile)
    if "full" in extended:
        profile |= {
            "joined_at": "2016-03-04T05:06:07.000Z",
            "location": None,
            "about": None,
            "gender": None,
            "age": None,
        }
    if any(fault.privacy == "profile_flag" for fault in faults):
        profile["private"] = True
    if any(fault.deleted for fault in faults):
        profile["deleted"] = True
    return profile


def _spoils_pages(fault: Faults) -> bool:
    return bool(fault.empty_page or fault.short_pages or fault.dropped_rows or fault.duplicate_rows)


def _positive(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else default
