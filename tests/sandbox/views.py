"""From the rows of an account to those of an answer: filtering, ordering, shaping, cutting into pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from .accounts import Account, stamp
from .faults import Faults, named
from .titles import EPISODE_SPACE, Row, Title

Query = dict[str, str]

_ENCODER = msgspec.json.Encoder()
_SINGULAR = {"movies": "movie", "shows": "show", "seasons": "season", "episodes": "episode"}
_SORTS = ("rank", "added", "title", "released")


class BadRequest(ValueError):
    """A query that cannot be read: status 400."""


@dataclass(frozen=True)
class View:
    """The encoded rows that one request selects, before they are cut into pages."""

    rows: list[bytes]
    opening: bytes = b"["
    closing: bytes = b"]"
    total: int | None = None
    """The item count to announce, where it is not the number of rows."""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        """The item count to announce."""
        return len(self.rows) if self.total is None else self.total

    def body(self, rows: Iterable[bytes] | None = None) -> bytes:
        """A JSON body of these rows, or of all."""
        return self.opening + b",".join(self.rows if rows is None else rows) + self.closing


class Views:
    """The views of one account, prepared when first asked for and kept until the account says it changed."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.revision = account.revision
        self._encoded: dict[str, list[bytes]] = {}
        self._views: dict[object, View] = {}
        self._titles = {(title.kind, title.trakt): title for title in account.titles}

    def kept(self, key: object) -> View | None:
        """A view that was prepared before."""
        return self._views.get(key)

    def keep(self, key: object, view: View) -> View:
        """Keep a view; the oldest goes when there are many."""
        if len(self._views) >= 64:
            self._views.pop(next(iter(self._views)))
        self._views[key] = view
        return view

    def encoded(self, name: str) -> list[bytes]:
        """The rows of a list of the account, each encoded once."""
        if name not in self._encoded:
            self._encoded[name] = [_ENCODER.encode(row) for row in getattr(self.account, name)]
        return self._encoded[name]

    def _picked(self, name: str, wanted: Iterable[bool]) -> list[bytes]:
        return [row for row, is_wanted in zip(self.encoded(name), wanted, strict=True) if is_wanted]

    def history(self, kind: str, item: str, query: Query) -> View:
        """Plays of a type, of one item, within a span of dates."""
        start, end = _moment(query.get("start_at"), False), _moment(query.get("end_at"), True)
        key = ("history", kind, item, start, end)
        view = self.kept(key)
        if view is None:
            if not kind and not start and not end:
                view = View(self.encoded("history"))
            else:
                wanted = (_wanted_play(row, kind, item, start, end) for row in self.account.history)
                view = View(self._picked("history", wanted))
            self.keep(key, view)
        return view

    def ratings(self, kind: str, marks: str) -> View:
        """Ratings of a type, with one of the marks of a comma list."""
        key = ("ratings", kind, marks)
        view = self.kept(key)
        if view is None:
            types = _types(kind)
            chosen = set(marks.split(",")) if marks else None
            wanted = (
                (not types or row.get("type") in types) and (chosen is None or str(row.get("rating")) in chosen)
                for row in self.account.ratings
            )
            view = self.keep(key, View(self._picked("ratings", wanted)))
        return view

    def watchlist(self, kind: str, sort_by: str, sort_how: str) -> View:
        """The watchlist, sorted; with a type the announced count still covers all types."""
        key = ("watchlist", kind, sort_by, sort_how)
        view = self.kept(key)
        if view is None:
            types, applied = _types(kind), sort_by if sort_by in _SORTS else "rank"
            pairs = list(zip(self.account.watchlist, self.encoded("watchlist"), strict=True))
            pairs = [pair for pair in pairs if not types or pair[0].get("type") in types]
            pairs.sort(key=lambda pair: _sort_key(pair[0], applied), reverse=sort_how == "desc")
            headers = (
                ("X-Sort-By", sort_by),
                ("X-Sort-How", sort_how),
                ("X-Applied-Sort-By", applied),
                ("X-Applied-Sort-How", sort_how),
            )
            view = View([pair[1] for pair in pairs], total=len(self.account.watchlist), headers=headers)
            self.keep(key, view)
        return view

    def watched_shows(self, seasons: bool, specials: bool) -> View:
        """Watched shows with or without their seasons; specials and their plays only when asked for."""
        key = ("watched_shows", seasons, specials)
        view = self.kept(key)
        if view is None:
            rows = [_watched_show(row, seasons, specials) for row in self.account.watched_shows]
            kept = [row for row in rows if row is not None]
            kept.sort(key=lambda row: str(row.get("last_watched_at") or ""), reverse=True)
            view = self.keep(key, View([_ENCODER.encode(row) for row in kept]))
        return view

    def minimal(self, kind: str, season_numbers: bool, specials: bool) -> View:
        """The short form: dates by Trakt id for movies; by show, season and episode id for shows."""
        key = ("min", kind, season_numbers, specials)
        view = self.kept(key)
        if view is None:
            found = self._movie_dates() if kind == "movies" else self._episode_dates(season_numbers, specials)
            rows = [b'"%d":' % trakt + _ENCODER.encode(value) for trakt, value in found.items()]
            view = self.keep(key, View(rows, b"{", b"}"))
        return view

    def _movie_dates(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for row in self.account.history:
            if row.get("movie") and row["movie"]["ids"].get("trakt"):
                found.setdefault(row["movie"]["ids"]["trakt"], []).append(row["watched_at"])
        return found

    def _episode_dates(self, season_numbers: bool, specials: bool) -> dict[int, dict[str, dict[str, list[str]]]]:
        found: dict[int, dict[str, dict[str, list[str]]]] = {}
        for row in self.account.history:
            if not row.get("episode") or not row.get("show"):
                continue
            show, episode = row["show"]["ids"]["trakt"], row["episode"]
            if episode["season"] == 0 and not specials:
                continue
            season = self._season_key(show, episode, season_numbers)
            dates = found.setdefault(show, {}).setdefault(season, {})
            dates.setdefault(str(episode["ids"]["trakt"]), []).append(row["watched_at"])
        return found

    def _season_key(self, show: int, episode: Row, season_numbers: bool) -> str:
        title: Title | None = self._titles.get(("show", show))
        base = title.episode_base if title else show * EPISODE_SPACE
        key = str(base // 8 + episode["season"])
        return f"{key}|{episode['season']}" if season_numbers else key


def page_bounds(total: int, page: int, limit: int, short: dict[int, int]) -> tuple[int, int]:
    """From which row to which a page goes, when some pages hold fewer rows than asked for."""
    missing = sum(limit - held for number, held in short.items() if number < page and held < limit)
    start = min((page - 1) * limit - missing, total)
    return start, min(start + min(limit, short.get(page, limit)), total)


def page_total(total: int, limit: int, short: dict[int, int]) -> int:
    """How many pages it takes to hold all rows."""
    pages = -(-total // limit)
    while page_bounds(total, pages + 1, limit, short)[0] < total:
        pages += 1
    return pages


def cut(view: View, page: int, limit: int, names: tuple[str, ...], faults: Iterable[Faults]) -> list[bytes]:
    """The rows of one page, with whatever the switches do to it."""
    faults = tuple(faults)
    short: dict[int, int] = {}
    for fault in reversed(faults):
        short |= fault.short(names)
    start, stop = page_bounds(len(view.rows), page, limit, short)
    rows = view.rows[start:stop]
    if start and rows and any(page - 1 <= fault.borders(names, limit) for fault in faults):
        rows[0] = view.rows[start - 1]
    for fault in faults:
        dropped = (named(fault.dropped_rows, names) or {}).get(page, 0)
        rows = rows[: len(rows) - dropped] if dropped else rows
    return rows


def page_headers(
    view: View, page: int, limit: int, names: tuple[str, ...], faults: Iterable[Faults]
) -> list[tuple[str, str]]:
    """The pagination headers, as far as the switches let them through and tell the truth."""
    faults = tuple(faults)
    if any(fault.hides_paging(names) for fault in faults):
        return []
    short: dict[int, int] = {}
    lag = off = 0
    for fault in reversed(faults):
        short |= fault.short(names)
        lag = fault.lag(names) or lag
        off = named(fault.item_count_off, names) or off
    count = max(0, view.count + off - lag * limit)
    pages = max(0, page_total(view.count + off, limit, short) - lag)
    return [
        ("X-Pagination-Page", str(page)),
        ("X-Pagination-Limit", str(limit)),
        ("X-Pagination-Page-Count", str(pages)),
        ("X-Pagination-Item-Count", str(count)),
    ]


def _types(kind: str) -> frozenset[str]:
    """The row types that a path segment selects, none for all."""
    if kind in ("", "all"):
        return frozenset()
    return frozenset(_SINGULAR.get(one, one) for one in kind.split(","))


def _moment(text: str | None, end: bool) -> str:
    """A date of the query in the form of the rows; a plain day means its first or its last moment."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadRequest(f"not a date: {text}") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if end and len(text.strip()) == 10:
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_000)
    return stamp(moment)


def _wanted_play(row: Row, kind: str, item: str, start: str, end: str) -> bool:
    if kind and kind != "all":
        if row.get("type") != ("movie" if kind == "movies" else "episode"):
            return False
        if item:
            ids = (row.get(_SINGULAR[kind]) or {}).get("ids") or {}
            if item not in (str(ids.get("trakt")), str(ids.get("slug"))):
                return False
    if not start and not end:
        return True
    when = str(row.get("watched_at") or "")
    return when[:1].isdigit() and (not start or when >= start) and (not end or when <= end)


def _watched_show(row: Row, seasons: bool, specials: bool) -> Row | None:
    held = row.get("seasons") or []
    plain = {key: value for key, value in row.items() if key != "seasons"}
    if not specials and any(season.get("number") == 0 for season in held):
        held = [season for season in held if season.get("number") != 0]
        episodes = [episode for season in held for episode in season["episodes"]]
        if not episodes:
            return None
        plain["plays"] = sum(episode["plays"] for episode in episodes)
        plain["last_watched_at"] = max(str(episode["last_watched_at"]) for episode in episodes)
    return plain | {"seasons": held} if seasons else plain


def _sort_key(row: Row, sort_by: str) -> tuple[str | int, int]:
    rank = row.get("rank") or 0
    media = row.get("movie") or row.get("show") or {}
    if sort_by == "added":
        return str(row.get("listed_at") or ""), rank
    if sort_by == "title":
        return str(media.get("title") or "").lower(), rank
    if sort_by == "released":
        return int(media.get("year") or 0), rank
    return rank, rank
