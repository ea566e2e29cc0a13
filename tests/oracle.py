"""The rules in plain Python, one user at a time: slow, small, and written without a look at the SQL that it judges.

A picture is `{endpoint: [read, …]}`, base first; a read is its answers in the order they were asked for, an answer
its items as Trakt sends them. `resolved` gives the rows of every table as dictionaries.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from typing import Any, NamedTuple

Json = dict[str, Any]
Picture = dict[str, list[list[list[Any]]]]
IDS = ("trakt", "imdb", "tmdb", "tvdb")
MEDIA = {
    "media_type": "media_type",
    "resolution": "resolution",
    "hdr": "hdr",
    "audio": "audio",
    "audio_channels": "audio_channels",
    "is_3d": "3d",
}
# Of a title's copies, the first endpoint in this order that knows a detail is believed.
SOURCES = (
    ("watched_movies", "last_updated_at"),
    ("watched_shows", "last_updated_at"),
    ("history", None),
    ("watchlist", "listed_at"),
    ("ratings", "rated_at"),
    ("collection_movies", "updated_at"),
    ("collection_shows", "last_updated_at"),
    ("watching", None),
)
STRENGTH = ("watching", "watched", "watchlist", "collection", "rating", "part rating")


# Values


def whole(value: Any, lowest: int = 1, highest: int = 2**63 - 1) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\s*\d+\s*", value):
        value = int(value)
    return value if isinstance(value, int) and value is not True and lowest <= value <= highest else None


def imdb(value: Any) -> str | None:
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if re.fullmatch(r"tt\d{5,}", text) else None


def instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def moment(text: str | None) -> dt.datetime | None:
    """To the second; up to 1970 means unknown."""
    value = instant(text)
    value = value.astimezone(dt.UTC).replace(microsecond=0) if value else None
    return value if value and value > dt.datetime(1970, 1, 1, tzinfo=dt.UTC) else None


def latest(dates: Any) -> dt.datetime | None:
    return max((date for date in dates if date), default=None)


def earliest(dates: Any) -> dt.datetime | None:
    return min((date for date in dates if date), default=None)


EVER = dt.datetime.min.replace(tzinfo=dt.UTC)


# The picture: readable rows, the newest copy of each


class Row(NamedTuple):
    """One item: the title it is about, which part of it, and the item itself."""

    title: tuple[str, str, Any]
    ids: Json
    part: tuple[int, ...]
    about: str
    item: Json

    @property
    def copy(self) -> Json:
        return self.item["movie" if self.title[0] == "movie" else "show"]


def read(item: Any) -> Row | None:
    """None for an item that cannot be told."""
    about = item.get("type") or ("movie" if "movie" in item else "show")
    kind = "movie" if about == "movie" else "show"
    raw = (item.get(kind) or {}).get("ids") or {}
    ids = {
        name: imdb(raw.get(name)) if name == "imdb" else whole(raw.get(name))
        for name in (IDS if kind == "show" else IDS[:3])
    }
    known = next(((kind, name, value) for name, value in ids.items() if value is not None), None)
    names = {"season": ["number"], "episode": ["season", "number"]}.get(about, [])
    part = tuple(whole((item.get(about) or {}).get(name), 0) for name in names)
    if known is None or None in part or ("rating" in item and whole(item["rating"], 1, 10) is None):
        return None
    if (
        about in ("movie", "episode")
        and "action" in item
        and "expires_at" not in item
        and whole(item.get("id")) is None
    ):
        return None
    return Row(known, ids, part, about, item)


def rows(picture: Picture, endpoint: str, dated: str | None) -> list[Row]:
    """The later read wins, then the newest, then the later position."""
    best: dict[Any, tuple[Any, Row]] = {}
    for place, answers in enumerate(picture.get(endpoint, [])):
        for position, item in enumerate(item for answer in answers for item in answer):
            if (row := read(item)) is None:
                continue
            key = row.item["id"] if endpoint == "history" else (row.title, row.about, row.part)
            rank = (place, (instant(row.item.get(dated)) if dated else None) or EVER, position)
            if key not in best or rank > best[key][0]:
                best[key] = (rank, row)
    return [row for _, row in best.values()]


def parts(item: Json, dated: str) -> dict[tuple[int, int], Json]:
    """The episodes of a show's row; of one that stands twice, the newest, then the later."""
    found: dict[tuple[int, int], Json] = {}
    for season in item.get("seasons") or []:
        for episode in season.get("episodes") or []:
            key = (whole(season.get("number"), 0), whole(episode.get("number"), 0))
            if None in key:
                continue
            if key not in found or (moment(episode.get(dated)) or EVER) >= (moment(found[key].get(dated)) or EVER):
                found[key] = episode
    return found


class Title:
    """What the picture tells of one Trakt title."""

    def __init__(self) -> None:
        self.by_source: list[Row] = []
        self.watched: Json | None = None
        self.plays: list[Row] = []
        self.listed: dict[tuple[str, Any], dt.datetime | None] = {}
        self.rated: dict[tuple[str, Any], tuple[int, dt.datetime | None]] = {}
        self.collected: Json | None = None
        self.watching: Json | None = None

    def detail(self, tell: Any, first: Any = min) -> Any:
        """The first source that knows it; of its differing copies, the smallest."""
        for source in range(len(SOURCES)):
            known = [value for place, row in self.by_source if place == source and (value := tell(row)) is not None]
            if known:
                return first(known)
        return None


def titles_of(picture: Picture, at: str) -> dict[Any, Title]:
    titles: dict[Any, Title] = defaultdict(Title)
    for source, (endpoint, dated) in enumerate(SOURCES):
        for row in rows(picture, endpoint, dated):
            if endpoint == "watching":
                last = [item for answer in picture["watching"][-1] for item in answer if read(item)]
                if not last or last[-1] is not row.item or (instant(row.item.get("expires_at")) or EVER) <= instant(at):
                    continue
            title = titles[row.title]
            title.by_source.append((source, row))
            if endpoint.startswith("watched"):
                title.watched = row.item
            elif endpoint == "history":
                title.plays.append(row)
            elif endpoint == "watchlist":
                title.listed[row.about, row.part] = moment(row.item.get("listed_at"))
            elif endpoint == "ratings":
                title.rated[row.about, row.part] = (whole(row.item["rating"]), moment(row.item.get("rated_at")))
            elif endpoint.startswith("collection"):
                title.collected = row.item
            else:
                title.watching = row.item
    return titles


# One Trakt title


def own(about: str) -> bool:
    return about in ("movie", "show")


def watched_episodes(title: Title) -> dict[tuple[int, int], Json]:
    """Per (season, episode): plays, last_watched_at, and whether it counts for the current round."""
    shown = parts(title.watched, "last_watched_at") if title.watched else {}
    reset = moment(title.watched.get("reset_at")) if title.watched else None
    played: dict[Any, list[Any]] = defaultdict(list)
    for play in title.plays:
        if play.about == "episode":
            played[play.part].append(moment(play.item.get("watched_at")))
    found = {}
    for key in shown.keys() | played.keys():
        on_row = moment(shown[key].get("last_watched_at")) if key in shown else None
        in_history = latest(played[key])
        plays = whole(shown[key].get("plays"), 0) if key in shown else None
        last = latest([on_row, in_history])
        found[key] = {
            "plays": len(played[key]) if plays is None else plays,
            "last": in_history or on_row,
            "counts": reset is None or (last is not None and last >= reset),
        }
    return found


def play_figures(title: Title) -> Json:
    dates = [moment(play.item.get("watched_at")) for play in title.plays]
    row = title.watched or {}
    plays = whole(row.get("plays"), 0)
    last = moment(row.get("last_watched_at"))
    return {
        "plays": len(title.plays) if plays is None else plays,
        "first": earliest(dates) or last,
        "last": latest(dates) or last,
    }


def evidence(title: Title) -> tuple[str, dt.datetime | None]:
    """The strongest, and its date."""
    if title.watching:
        return "watching", moment(title.watching.get("started_at"))
    if title.watched or title.plays:
        return "watched", play_figures(title)["last"]
    if title.listed:
        return "watchlist", latest(title.listed.values())
    if title.collected:
        return "collection", moment(title.collected.get("collected_at", title.collected.get("last_collected_at")))
    if any(own(about) for about, _ in title.rated):
        return "rating", latest(date for (about, _), (_, date) in title.rated.items() if own(about))
    return "part rating", latest(date for _, date in title.rated.values())


# Resolution


class Found(NamedTuple):
    """The catalogue title, the id that gave it, and what else the ids say."""

    title_id: str | None
    matched_by: str | None
    conflict: str | None
    ambiguous: str | None
    added: bool


def resolve(kind: str, ids: Json, name: str | None, catalogue: list[Json], add_missing: bool) -> Found:
    points, bearers = {}, set()
    for id_name, value in ids.items():
        usable = imdb if id_name == "imdb" else whole
        borne = sorted(
            row["title_id"]
            for row in catalogue
            if value is not None and row["kind"] == kind and usable(row[f"{id_name}_id"]) == value
        )
        if borne:
            points[id_name] = borne[0]
        if len(borne) > 1:
            bearers |= set(borne)
    matched_by = next(iter(points), None)
    title_id = points.get(matched_by)
    others = [f"{id_name} {other}" for id_name, other in points.items() if other != title_id]
    added = title_id is None and add_missing and bool(name)
    if added:
        known = next(id_name for id_name in ids if ids[id_name] is not None)
        title_id = f"{known}-{kind}-{ids[known]}"
    return Found(title_id, matched_by, ", ".join(others) or None, ", ".join(sorted(bearers)) or None, added)


# The tables


def resolved(picture: Picture, catalogue: list[Json], *, at: str, add_missing: bool = False) -> dict[str, list[Json]]:
    titles = titles_of(picture, at)
    outcomes, entries = {}, defaultdict(list)
    for key, title in titles.items():
        kind = key[0]
        ids = {
            name: title.detail(lambda row, name=name: row.ids[name]) for name in (IDS if kind == "show" else IDS[:3])
        }
        found = resolve(
            kind, ids, name := title.detail(lambda row: row.copy.get("title") or None), catalogue, add_missing
        )
        outcomes[key] = {
            "kind": kind,
            "trakt_id": ids["trakt"],
            "imdb_id": ids["imdb"],
            "tmdb_id": ids["tmdb"],
            "tvdb_id": ids.get("tvdb"),
            "name": name,
            "year": title.detail(lambda row: row.copy.get("year")),
            **found._asdict(),
            "evidence": evidence(title)[0],
            "status": None,
            "reason": None if found.title_id else "not in the catalogue",
            "merged": None,
            "plays": len(title.plays),
        }
        if found.title_id:
            entries[found.title_id].append(key)
    tables: dict[str, list[Json]] = {
        "library_entries": [],
        "season_entries": [],
        "episode_entries": [],
        "watches": [],
    }
    known_aired = {row["title_id"]: whole(row["aired_episodes"]) for row in catalogue}
    for title_id, keys in entries.items():
        # Where two copies are equally new, the title that was matched by the better id is believed.
        keys.sort(key=lambda key: precedence(outcomes[key]))
        together = [titles[key] for key in keys]
        one = {"title_id": title_id, "kind": keys[0][0], "trakt_id": outcomes[keys[0]]["trakt_id"]}
        entry = _entry(one, together, known_aired.get(title_id), tables)
        for key in keys:
            outcomes[key]["status"] = entry["status"]
            outcomes[key]["merged"] = title_id if len(keys) > 1 else None
    tables["outcomes"] = list(outcomes.values())
    return tables


def precedence(outcome: Json) -> tuple[Any, ...]:
    rank = IDS.index(outcome["matched_by"]) if outcome["matched_by"] else len(IDS)
    return (rank, *((outcome[f"{name}_id"] is None, outcome[f"{name}_id"]) for name in IDS))


def _newest(facts: list[tuple[dt.datetime | None, Any]]) -> tuple[dt.datetime | None, Any]:
    """The latest dated; of equals, the first."""
    return max(facts, key=lambda fact: fact[0] or EVER, default=(None, None))


def _media(metadata: Any) -> Json:
    details = {column: (metadata or {}).get(name) for column, name in MEDIA.items()}
    return details | {"is_3d": None if details["is_3d"] is None else bool(details["is_3d"])}


def _entry(one: Json, titles: list[Title], known_aired: int | None, tables: dict[str, list[Json]]) -> Json:
    show = one["kind"] == "show"
    watched: dict[tuple[int, int], list[Json]] = defaultdict(list)
    for title in titles:
        for key, episode in watched_episodes(title).items():
            watched[key].append(episode)
    counted = {key for key, copies in watched.items() if any(copy["counts"] for copy in copies)}
    count = len([key for key in counted if key[0] > 0]) if show else None
    aired = max(
        (n for t in titles if (n := t.detail(lambda row: whole(row.copy.get("aired_episodes")), max)) is not None),
        default=known_aired,
    )
    aired = aired if show else None
    seen = [play_figures(title) for title in titles if title.watched or title.plays]
    strongest = min((evidence(title)[0] for title in titles), key=STRENGTH.index)
    status_at = latest(date for name, date in map(evidence, titles) if name == strongest)
    in_progress = show and aired is not None and count < aired
    active = strongest in ("watching", "watchlist", "part rating") or (strongest == "watched" and in_progress)
    collected_at, copy = _newest(
        [
            (moment(t.collected.get("collected_at", t.collected.get("last_collected_at"))), t.collected)
            for t in titles
            if t.collected
        ]
    )
    entry = {
        **one,
        "status": "active" if active else "finished",
        "status_at": status_at,
        **_facts(titles, own, ()),
        "plays": sum(figures["plays"] for figures in seen),
        "watched_episodes": count,
        "aired_episodes": aired,
        "first_watched_at": earliest(figures["first"] for figures in seen),
        "last_watched_at": latest(figures["last"] for figures in seen),
        "watching_since": latest(moment(t.watching.get("started_at")) for t in titles if t.watching),
        "collected_at": collected_at,
        **_media(copy and copy.get("metadata")),
    }
    tables["library_entries"].append(entry)
    title_id = one["title_id"]
    _parts(title_id, titles, watched, counted, tables)
    for title in titles:
        for play in title.plays:
            season, episode = play.part or (None, None)
            tables["watches"].append(
                {
                    "history_id": whole(play.item["id"]),
                    "title_id": title_id,
                    "season": season,
                    "episode": episode,
                    "watched_at": moment(play.item.get("watched_at")),
                    "action": play.item.get("action"),
                }
            )
    return entry


def _facts(titles: list[Title], about: Any, part: tuple[int, ...]) -> Json:
    """Score and list date of the title itself or of one part of it."""
    wanted = [
        (
            [(at, score) for (what, which), (score, at) in title.rated.items() if about(what) and which == part],
            [date for (what, which), date in title.listed.items() if about(what) and which == part],
        )
        for title in titles
    ]
    scored_at, score = _newest([fact for ratings, _ in wanted for fact in ratings])
    listed = latest(date for _, dates in wanted for date in dates)
    return {"score": score, "scored_at": scored_at, "watchlisted_at": listed}


def _parts(title_id: str, titles: list[Title], watched: Any, counted: Any, tables: dict[str, list[Json]]) -> None:
    itself = {
        (about, part)
        for title in titles
        for about, part in [*title.rated, *title.listed]
        if about in ("season", "episode")
    }
    copies: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for title in titles:
        if title.collected and "seasons" in title.collected:
            for key, episode in parts(title.collected, "collected_at").items():
                copies[key].append((moment(episode.get("collected_at")), episode))
    seasons = {season for season, _ in watched} | {part[0] for about, part in itself if about == "season"}
    for season in seasons:
        episodes = {key: plays for key, plays in watched.items() if key[0] == season}
        tables["season_entries"].append(
            {
                "title_id": title_id,
                "season": season,
                "watched_episodes": len([key for key in counted if key[0] == season]),
                "plays": sum(copy["plays"] for plays in episodes.values() for copy in plays),
                "last_watched_at": latest(copy["last"] for plays in episodes.values() for copy in plays),
                **_facts(titles, lambda about: about == "season", (season,)),
            }
        )
    for key in watched.keys() | copies.keys() | {part for about, part in itself if about == "episode"}:
        collected_at, copy = _newest(copies[key])
        tables["episode_entries"].append(
            {
                "title_id": title_id,
                "season": key[0],
                "episode": key[1],
                "plays": sum(copy["plays"] for copy in watched.get(key, [])),
                "last_watched_at": latest(copy["last"] for copy in watched.get(key, [])),
                **_facts(titles, lambda about: about == "episode", key),
                "collected_at": collected_at,
                **_media(copy and copy.get("metadata")),
            }
        )
