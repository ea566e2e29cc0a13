"""Movies and shows for the accounts: first those of the sample catalogue, then invented ones.

Every title is a pure function of its place in the sequence, so two accounts made in two processes agree on
it, and a catalogue written by one process matches the answers given by another.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""One JSON object as the server sends it."""

SAMPLE_CATALOGUE = Path(__file__).resolve().parents[2] / "data" / "sample" / "titles.csv"
"""The catalogue shipped with the project; accounts use its titles first when the file is there."""

CATALOGUE_COLUMNS = (
    "title_id",
    "kind",
    "name",
    "year",
    "trakt_id",
    "imdb_id",
    "tmdb_id",
    "tvdb_id",
    "aired_episodes",
)
"""The columns of a catalogue CSV, in order."""

FIRST_MOVIE = 7_000_000
FIRST_SHOW = 6_000_000
EPISODE_SPACE = 2_000
MAX_EPISODES = 1_900

_ADJECTIVES = re.findall(
    r"\w+",
    "Amber Ancient Bitter Blue Borrowed Brass Broken Burning Careful Cold Copper Distant Empty Endless "
    "Faithful Fallen Final Frozen Gentle Glass Golden Hidden Hollow Humble Iron Last Little Lonely Lost "
    "Midnight Narrow Paper Patient Quiet Restless Silent Silver Sleeping Velvet Wandering",
)
_NOUNS = re.findall(
    r"\w+",
    "Anchor Archive Atlas Autumn Bakery Bridge Cartographer Chapel Compass Corridor Daughter Elevator "
    "Ferry Garden Harbour Horizon Island Junction Kingdom Lantern Library Lighthouse Machine Meadow "
    "Mirror Mountain Notebook Ocean Orchard Parade Postman Railway Republic River Season Summer Theatre "
    "Tide Voyage Winter",
)
_AIRED = (6, 8, 10, 13, 20, 24, 36, 48, 62, 100, 154, 236)


@dataclass(frozen=True)
class Title:
    """A movie or a show with its ids; `number` is its place among the invented ones, None for a sample's."""

    kind: str
    name: str
    year: int | None
    trakt: int
    slug: str
    imdb: str | None
    tmdb: int | None
    tvdb: int | None
    aired: int
    title_id: str
    number: int | None = None

    def movie(self) -> Row:
        """A fresh movie object as the API nests it."""
        ids: Row = {"trakt": self.trakt, "slug": self.slug, "imdb": self.imdb, "tmdb": self.tmdb}
        if self.trakt % 3 == 0:
            ids["plex"] = {"guid": f"5d77{self.trakt:020x}", "slug": self.slug}
        return {"title": self.name, "year": self.year, "ids": ids}

    def show(self) -> Row:
        """A fresh show object as the API nests it, without the number of aired episodes."""
        ids: Row = {
            "trakt": self.trakt,
            "slug": self.slug,
            "tvdb": self.tvdb,
            "imdb": self.imdb,
            "tmdb": self.tmdb,
        }
        if self.trakt % 3 == 0:
            ids["plex"] = {"guid": f"5d88{self.trakt:020x}", "slug": self.slug}
        return {"title": self.name, "year": self.year, "ids": ids}

    @property
    def episode_base(self) -> int:
        """The Trakt id of the (never existing) episode before the first; no other show's ids come near."""
        return self.trakt * EPISODE_SPACE if self.number is None else 1_000_000_000 + self.number * EPISODE_SPACE

    @property
    def per_season(self) -> int:
        """How many episodes a full season of this show has."""
        return (8, 10, 12, 13, 22)[self.trakt % 5]

    def season_id(self, number: int) -> int:
        """The Trakt id of a season."""
        return self.episode_base // 8 + number

    def season(self, number: int) -> Row:
        """A fresh season object."""
        trakt = self.season_id(number)
        return {"number": number, "ids": {"trakt": trakt, "tvdb": trakt + 3, "tmdb": trakt + 5}}

    def place(self, index: int) -> tuple[int, int]:
        """Season and number of the episode at `index` (from 0); indexes from MAX_EPISODES on are specials."""
        if index >= MAX_EPISODES:
            return 0, index - MAX_EPISODES + 1
        return index // self.per_season + 1, index % self.per_season + 1

    def episode(self, index: int) -> Row:
        """A fresh episode object for the episode at `index`."""
        season, number = self.place(index)
        trakt = self.episode_base + index + 1
        serial = self.trakt % 100_000 if self.number is None else self.number % 100_000
        imdb = f"tt{6 if self.number is None else 7}{serial * 100 + index:07d}" if index < 100 else None
        name = f"{_ADJECTIVES[trakt % 40]} {_NOUNS[(trakt // 40) % 40]}"
        return {
            "season": season,
            "number": number,
            "title": name,
            "ids": {"trakt": trakt, "tvdb": trakt + 11, "imdb": imdb, "tmdb": trakt + 17},
        }

    def catalogue_row(self) -> Row:
        """The title as a row of a catalogue CSV; what is unknown is an empty text."""
        values = (self.title_id, self.kind, self.name, self.year, self.trakt, self.imdb, self.tmdb, self.tvdb)
        row = dict(zip(CATALOGUE_COLUMNS, values, strict=False))
        row["aired_episodes"] = self.aired if self.kind == "show" else None
        return {column: "" if row[column] is None else row[column] for column in CATALOGUE_COLUMNS}


def slugify(text: str) -> str:
    """Lower-case ASCII words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _invented_name(number: int) -> str:
    name = f"The {_ADJECTIVES[number % 40]} {_NOUNS[(number // 40 + number) % 40]}"
    volume = number // 1600
    return name if volume == 0 else f"{name} {volume + 1}"


@cache
def invented_movie(number: int) -> Title:
    """The invented movie at place `number`."""
    name, year, trakt = _invented_name(number), 1950 + number * 13 % 76, FIRST_MOVIE + number
    return Title(
        kind="movie",
        name=name,
        year=year,
        trakt=trakt,
        slug=f"{slugify(name)}-{year}",
        imdb=f"tt9{number:07d}",
        tmdb=8_000_000 + number,
        tvdb=None,
        aired=0,
        title_id=f"m-{trakt}",
        number=number,
    )


@cache
def invented_show(number: int) -> Title:
    """The invented show at place `number`; one in ten carries a Trakt number that is also a movie's."""
    name, year = _invented_name(number * 7 + 3), 1990 + number * 11 % 36
    trakt = (FIRST_MOVIE if number % 10 == 3 else FIRST_SHOW) + number
    return Title(
        kind="show",
        name=name,
        year=year,
        trakt=trakt,
        slug=f"{slugify(name)}-{number}",
        imdb=f"tt95{number:06d}",
        tmdb=8_000_000 + number,
        tvdb=4_000_000 + number,
        aired=_AIRED[number % len(_AIRED)],
        title_id=f"s-{trakt}",
        number=number,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None


@cache
def sample_titles(kind: str) -> tuple[Title, ...]:
    """The titles of one kind in the sample catalogue that have a Trakt id; empty without the file."""
    if not SAMPLE_CATALOGUE.is_file():
        return ()
    titles: dict[int, Title] = {}
    with SAMPLE_CATALOGUE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            trakt = _number(row.get("trakt_id"))
            if row.get("kind") != kind or trakt is None or trakt in titles:
                continue
            year, name = _number(row.get("year")), row.get("name") or ""
            slug = slugify(name) or str(trakt)
            titles[trakt] = Title(
                kind=kind,
                name=name,
                year=year,
                trakt=trakt,
                slug=f"{slug}-{year}" if kind == "movie" and year else slug,
                imdb=row.get("imdb_id") or None,
                tmdb=_number(row.get("tmdb_id")),
                tvdb=_number(row.get("tvdb_id")) if kind == "show" else None,
                aired=(_number(row.get("aired_episodes")) or 10) if kind == "show" else 0,
                title_id=row.get("title_id") or f"{kind[0]}-{trakt}",
            )
    return tuple(titles.values())


def titles(kind: str, sample: bool = True) -> Iterator[Title]:
    """All titles of a kind without end: the sample's (unless `sample` is off), then invented ones."""
    known = sample_titles(kind) if sample else ()
    yield from known
    taken = {title.trakt for title in known}
    number = 0
    while True:
        title = invented_movie(number) if kind == "movie" else invented_show(number)
        if title.trakt not in taken:
            yield title
        number += 1
