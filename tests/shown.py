"""A profile without Trakt: what it shows is staged as extract stages it, all that follows is the real thing.

Facts are kept as a person would tell them (a play, a rating, a list entry) and become Trakt's items on the way.
A part of a title is its season and episode: `()` the title itself, `(2,)` a season, `(2, 5)` an episode.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

import pipeline.microbatch
from pipeline.clock import Clock
from pipeline.display.console import Silent
from pipeline.events import EndpointRead, Extracted, ImportRequested
from pipeline.run import Import
from pipeline.settings import load_settings
from pipeline.storage import Storage
from stages.extract.endpoints import LISTS, WATCHING
from stages.extract.source import Asked, Request, Source, Told
from stages.extract.staging import stage
from stages.extract.understanding import understand
from tests.conftest import Home, Result

Title = tuple[str, int]
"""Kind and Trakt id."""
Part = tuple[int, ...]


@dataclass(frozen=True)
class Play:
    """One play; an episode's has a part."""

    title: Title
    at: str | None
    part: Part = ()
    action: str = "watch"


@dataclass
class Shown:
    """Everything that one profile shows."""

    slug: str = "otter"
    plays: dict[int, Play] = field(default_factory=dict)
    ratings: dict[tuple[Title, Part], tuple[int, str]] = field(default_factory=dict)
    listed: dict[tuple[Title, Part], str] = field(default_factory=dict)
    collected: dict[tuple[Title, Part], tuple[str, str | None]] = field(default_factory=dict)
    watching: tuple[Title, Part, str, str] | None = None
    aired: dict[Title, int] = field(default_factory=dict)
    resets: dict[Title, str] = field(default_factory=dict)

    def items(self) -> dict[str, list[dict[str, Any]]]:
        """The items of every list endpoint and of `watching`, as Trakt sends them."""
        items: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for number, play in self.plays.items():
            row = {"id": number, "watched_at": play.at or "1970-01-01T00:00:00.000Z", "action": play.action}
            items["history"].append(row | self._about(play.title, play.part))
        for title in dict.fromkeys(play.title for play in self.plays.values()):
            plays = [play for play in self.plays.values() if play.title == title]
            dates = [play.at for play in plays if play.at]
            row = {"plays": len(plays), "last_watched_at": max(dates) if dates else None}
            if title[0] == "movie":
                items["watched_movies"].append(row | self._about(title, ()))
            else:
                row |= {"reset_at": self.resets.get(title), "seasons": self._seasons(plays)}
                items["watched_shows"].append(row | {"show": self._about(title, ())["show"]})
        for (title, part), (score, at) in self.ratings.items():
            items["ratings"].append({"rated_at": at, "rating": score} | self._about(title, part))
        for (title, part), at in self.listed.items():
            items["watchlist"].append({"listed_at": at, "rank": 1} | self._about(title, part))
        for (title, _), (at, media_type) in self.collected.items():
            if title[0] == "movie":
                row = {"collected_at": at, "updated_at": at, "metadata": {"media_type": media_type}}
                items["collection_movies"].append(row | self._about(title, ()))
        for title in dict.fromkeys(title for title, _ in self.collected if title[0] == "show"):
            items["collection_shows"].append(self._collected_show(title) | {"show": self._about(title, ())["show"]})
        if self.watching:
            title, part, since, until = self.watching
            row = {"started_at": since, "expires_at": until, "action": "scrobble"}
            items["watching"].append(row | self._about(title, part))
        return items

    def _about(self, title: Title, part: Part) -> dict[str, Any]:
        kind, trakt = title
        it = {"title": f"{kind} {trakt}".title(), "year": 2000, "ids": {"trakt": trakt, "imdb": imdb_of(title)}}
        if kind == "movie":
            return {"type": "movie", "movie": it}
        it["aired_episodes"] = self.aired.get(title)
        if not part:
            return {"type": "show", "show": it}
        if len(part) == 1:
            return {"type": "season", "show": it, "season": {"number": part[0], "ids": {}}}
        return {"type": "episode", "show": it, "episode": {"season": part[0], "number": part[1], "ids": {}}}

    def _seasons(self, plays: list[Play]) -> list[dict[str, Any]]:
        seasons: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for season, episode in sorted({play.part for play in plays}):
            own = [play for play in plays if play.part == (season, episode)]
            dates = [play.at for play in own if play.at]
            row = {"number": episode, "plays": len(own), "last_watched_at": max(dates) if dates else None}
            seasons[season].append(row)
        return [{"number": number, "episodes": rows} for number, rows in seasons.items()]

    def _collected_show(self, title: Title) -> dict[str, Any]:
        seasons: dict[int, list[dict[str, Any]]] = defaultdict(list)
        dates = []
        for (other, part), (at, media_type) in self.collected.items():
            if other == title:
                seasons[part[0]].append({"number": part[1], "collected_at": at, "metadata": {"media_type": media_type}})
                dates.append(at)
        return {
            "last_collected_at": max(dates),
            "last_updated_at": max(dates),
            "seasons": [{"number": number, "episodes": rows} for number, rows in seasons.items()],
        }


def imdb_of(title: Title) -> str:
    """The IMDb id of a title."""
    return f"tt{title[1]:07}" if title[0] == "movie" else f"tt1{title[1]:07}"


class Library:
    """An application's database and catalogue, with the profiles that are imported into it, on a clock of its own."""

    def __init__(self, home: Home, patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.profiles: dict[str, Shown] = {}
        self.time = 1_767_225_600  # 2026-01-01T00:00:00Z
        self.runs = 0
        patch.setitem(pipeline.microbatch.ROUTES, ImportRequested, lambda batch: [self._extract(run) for run in batch])

    def shown(self, slug: str = "otter") -> Shown:
        """The profile of this name, empty at first."""
        return self.profiles.setdefault(slug, Shown(slug))

    def catalogue(self, *titles: tuple[Title, str], replace: bool = False) -> Result:
        """Load these titles with their `title_id`s."""
        rows = [
            {"title_id": title_id, "kind": kind, "name": f"{kind} {trakt}".title(), "trakt_id": trakt}
            for (kind, trakt), title_id in titles
        ]
        return self.home.catalogue(rows, *(("--replace",) if replace else ()))

    def run(self, slug: str = "otter", **options: Any) -> Import:
        """Import the profile as it shows itself now, a day after the run before; raises what ended it early."""
        (run,) = self.run_together({"user": slug, **options})
        if run.error is not None:
            raise run.error
        return run

    def run_together(self, *options: dict[str, Any]) -> list[Import]:
        """Import several profiles as one micro-batch; the options are those of `ImportRequested`, `user` the slug."""
        self.time += 86_400
        clock = Clock(now=lambda: self.time)
        settings, storage = load_settings(), Storage("data")
        batch = []
        for one in options:
            self.runs += 1
            request = ImportRequested(run_id=f"r{self.runs:05}", at=clock.stamp(), **{"user_id": one["user"], **one})
            run = Import(settings, storage, clock, request, Silent())
            run.publish(request)
            batch.append(run)
        pipeline.microbatch.finish(batch)
        return batch

    def entry(self, title_id: str, columns: str = "score") -> tuple[Any, ...] | None:
        """Some columns of one title's row, None where there is no row."""
        rows = self.home.rows(f"select {columns} from library_entries where title_id = '{title_id}'")
        return rows[0] if rows else None

    def _extract(self, run: Import) -> Extracted:
        profile = self.profiles[run.request.user]
        source = Source(run.storage, profile.slug, run.request.run_id)
        items = profile.items()
        reads = {}
        for endpoint in (*LISTS, WATCHING):
            raws = [json.dumps(item).encode() for item in items.get(endpoint.name, ())]
            read = understand(endpoint, raws)
            if raws:
                stage(endpoint, 1, Request(Asked(), Told(len(raws))), raws, read, run.clock.utc(), source)
            reads[endpoint.name] = EndpointRead(
                requests=1, fetched=len(raws), staged=len(read.keys), rejected=len(raws) - len(read.keys)
            )
        return Extracted(
            run_id=run.request.run_id,
            at=run.clock.stamp(),
            user_id=run.request.user_id or profile.slug,
            trakt_username=profile.slug,
            trakt_slug=profile.slug,
            trakt_user_id=None,
            inputs={name: (run.request.run_id,) for name, read in reads.items() if read.fetched},
            endpoints=reads,
        )
