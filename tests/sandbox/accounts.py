"""Seeded accounts of any size: the same arguments give the same rows, in every process.

The rows of an account agree with each other: the plays of the watched rows add up to the rows of the history,
an episode's plays are in its show's seasons, and the statistics are counted from the rows.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from zlib import crc32

from .faults import Faults
from .titles import MAX_EPISODES, Row, Title, titles

UNTIL = datetime(2026, 9, 30, 21, 0, tzinfo=UTC)
"""The default date of the newest play."""

FIRST_PLAY_ID = 11_000_000_000
_MEDIA = ("digital", "bluray", "dvd")
_RESOLUTION = ("uhd_4k", "hd_1080p", "hd_720p", "sd_480p")
_AUDIO = ("dts_ma", "dolby_digital", "aac", "dolby_truehd")


@dataclass
class Account:
    """One user with everything the API tells about them.

    The lists hold JSON objects in the order in which the API sends them and may be changed at will; call
    `changed()` afterwards. `watched_shows` rows hold all seasons, specials (season 0) too: the server
    leaves out what a request did not ask for.
    """

    slug: str
    profile: Row
    history: list[Row] = field(default_factory=list)
    watched_movies: list[Row] = field(default_factory=list)
    watched_shows: list[Row] = field(default_factory=list)
    watchlist: list[Row] = field(default_factory=list)
    collection_movies: list[Row] = field(default_factory=list)
    collection_shows: list[Row] = field(default_factory=list)
    ratings: list[Row] = field(default_factory=list)
    watching: Row | None = None
    stats: Row = field(default_factory=dict)
    titles: list[Title] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    """Names of the oddities that were put in."""
    faults: Faults = field(default_factory=Faults)
    revision: int = 0

    def changed(self, *, stats: bool = True) -> None:
        """Make the server prepare its answers anew; statistics are counted again unless told otherwise."""
        if stats:
            self.stats = count_stats(self)
        self.revision += 1

    def add_play(self, title: Title, watched_at: str, *, episode: int = 0, play_id: int | None = None) -> Row:
        """Add a play of a movie, or of a show's episode at index `episode`, to history and watched rows."""
        newest = max((row["id"] for row in self.history if isinstance(row.get("id"), int)), default=FIRST_PLAY_ID)
        row: Row = {
            "id": newest + 1000 if play_id is None else play_id,
            "watched_at": watched_at,
            "action": "watch",
            "type": "movie" if title.kind == "movie" else "episode",
        }
        if title.kind == "movie":
            row["movie"] = title.movie()
            _count_movie_play(self, title, watched_at)
        else:
            row["episode"], row["show"] = title.episode(episode), title.show()
            _count_episode_play(self, title, episode, watched_at)
        place = next((i for i, other in enumerate(self.history) if _text(other) <= watched_at), len(self.history))
        self.history.insert(place, row)
        if title not in self.titles:
            self.titles.append(title)
        self.changed()
        return row

    def remove_play(self, index: int) -> Row:
        """Take the history row at `index` away, out of the watched rows too, and return it."""
        row = self.history.pop(index)
        kind = "movie" if row["type"] == "movie" else "show"
        rows = self.watched_movies if kind == "movie" else self.watched_shows
        trakt = row[kind]["ids"]["trakt"]
        watched = next(other for other in rows if other[kind]["ids"]["trakt"] == trakt)
        watched["plays"] -= 1
        if kind == "show":
            for season in watched["seasons"]:
                if season["number"] == row["episode"]["season"]:
                    for episode in season["episodes"]:
                        if episode["number"] == row["episode"]["number"]:
                            episode["plays"] -= 1
                    season["episodes"] = [episode for episode in season["episodes"] if episode["plays"]]
            watched["seasons"] = [season for season in watched["seasons"] if season["episodes"]]
        if not watched["plays"]:
            rows.remove(watched)
        self.changed()
        return row


def _text(row: Row) -> str:
    return str(row.get("watched_at") or "")


def _count_movie_play(account: Account, title: Title, watched_at: str) -> None:
    for row in account.watched_movies:
        if row["movie"]["ids"]["trakt"] == title.trakt:
            row["plays"] += 1
            row["last_watched_at"] = max(row["last_watched_at"], watched_at)
            break
    else:
        account.watched_movies.append(
            {"plays": 1, "last_watched_at": watched_at, "last_updated_at": watched_at, "movie": title.movie()}
        )
    account.watched_movies.sort(key=lambda row: str(row["last_watched_at"]), reverse=True)


def _count_episode_play(account: Account, title: Title, index: int, watched_at: str) -> None:
    row = next((row for row in account.watched_shows if row["show"]["ids"]["trakt"] == title.trakt), None)
    if row is None:
        row = _show_row(title, {}, watched_at)
        account.watched_shows.append(row)
    row["plays"] += 1
    row["last_watched_at"] = max(row["last_watched_at"], watched_at)
    number, episode_number = title.place(index)
    season = next((one for one in row["seasons"] if one["number"] == number), None)
    if season is None:
        season = {"number": number, "episodes": []}
        row["seasons"].append(season)
        row["seasons"].sort(key=lambda one: int(one["number"]))
    episode = next((one for one in season["episodes"] if one["number"] == episode_number), None)
    if episode is None:
        season["episodes"].append({"number": episode_number, "plays": 1, "last_watched_at": watched_at})
        season["episodes"].sort(key=lambda one: int(one["number"]))
    else:
        episode["plays"] += 1
        episode["last_watched_at"] = max(episode["last_watched_at"], watched_at)
    account.watched_shows.sort(key=lambda row: str(row["last_watched_at"]), reverse=True)


def make_account(
    slug: str,
    *,
    seed: int = 0,
    username: str | None = None,
    name: str | None = None,
    movies: int = 900,
    shows: int = 60,
    plays: int = 3126,
    ratings: int | None = None,
    watchlist: int | None = None,
    collection_movies: int | None = None,
    collection_shows: int | None = None,
    specials: bool = True,
    watching: bool = False,
    odd: bool | Collection[str] = False,
    until: datetime = UNTIL,
    sample: bool = True,
    movie_titles: Sequence[Title] | None = None,
    show_titles: Sequence[Title] | None = None,
    faults: Faults | None = None,
) -> Account:
    """Make an account of exactly the size asked for.

    `movies` and `shows` are what was watched at least once, `plays` the rows of the history (at least one
    for each of them). `ratings`, `watchlist` and the collections are numbers of rows and follow the size
    when left out. Watchlist titles were not watched. `specials` puts some plays of season 0 in. `odd` adds
    all oddities, or those named. `movie_titles` and `show_titles` come before the sample catalogue's
    titles; `sample=False` leaves these out. All other titles are invented.
    """
    if plays < movies + shows or (plays and not movies + shows):
        raise ValueError("an account needs at least one play for each movie and show, and a title for its plays")
    rng = random.Random(f"{slug}/{seed}")
    watchlist = min(120, (movies + shows) // 8) if watchlist is None else watchlist
    ratings = (movies + shows) // 3 + plays // 40 if ratings is None else ratings
    collection_movies = movies // 3 if collection_movies is None else collection_movies
    collection_shows = shows // 4 if collection_shows is None else collection_shows
    pool_movies = _pool("movie", movie_titles, sample, max(movies + watchlist, collection_movies, ratings))
    pool_shows = _pool("show", show_titles, sample, max(shows + watchlist, collection_shows, shows + 1))
    account = Account(slug=slug, profile=_profile(slug, username, name), faults=faults or Faults())
    used: dict[tuple[str, int], Title] = {}
    maker = _Maker(account, rng, until, used)
    maker.make_plays(pool_movies[:movies], pool_shows[:shows], plays, specials)
    maker.make_watchlist(pool_movies[movies:], pool_shows[shows:], pool_shows[:shows], watchlist)
    maker.make_collection(pool_movies[:collection_movies], pool_shows[:collection_shows])
    maker.make_ratings(pool_movies, movies, pool_shows[:shows], ratings)
    if watching and account.history:
        account.watching = watching_now(account, until)
    account.titles = list(used.values())
    if odd:
        from .odd import ODDITIES, add_oddities

        add_oddities(account, rng, ODDITIES if odd is True else odd)
    account.changed()
    return account


def watching_now(account: Account, now: datetime) -> Row:
    """What the account is watching at `now`: the item of its latest play again, as a scrobble."""
    latest = account.history[0]
    started = now - timedelta(minutes=20)
    row = {
        "expires_at": stamp(started + timedelta(minutes=110)),
        "started_at": stamp(started),
        "action": "scrobble",
        "type": latest["type"],
    }
    return row | {key: latest[key] for key in ("movie", "episode", "show") if key in latest}


def catalogue_rows(accounts: Iterable[Account], *, missing: int = 0, seed: int = 0) -> list[Row]:
    """A catalogue that covers every title of the accounts, save `missing` of them chosen by the seed."""
    found: dict[tuple[str, int], Title] = {}
    for account in accounts:
        for title in account.titles:
            found.setdefault((title.kind, title.trakt), title)
    keys = sorted(found)
    left_out = set(random.Random(seed).sample(keys, min(missing, len(keys))))
    return [title.catalogue_row() for key, title in found.items() if key not in left_out]


def stamp(moment: datetime) -> str:
    """A date as the API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def count_stats(account: Account) -> Row:
    """The statistics that follow from the rows; `collected` is 0, as the live API often says."""
    by_type = Counter(row.get("type") for row in account.history)
    rated = Counter(row.get("type") for row in account.ratings)
    marks = Counter(str(row.get("rating")) for row in account.ratings)
    distribution = {str(mark): marks[str(mark)] for mark in range(1, 11)}
    episodes = finished = 0
    for row in account.watched_shows:
        regular = special = 0
        for season in row.get("seasons") or []:
            if season.get("number"):
                regular += len(season.get("episodes") or [])
            else:
                special += len(season.get("episodes") or [])
        episodes += regular + special
        finished += regular >= (row["show"].get("aired_episodes") or 1_000_000)
    movie_minutes, episode_minutes = by_type["movie"] * 104, by_type["episode"] * 42
    return {
        "movies": {
            "plays": by_type["movie"],
            "watched": len(account.watched_movies),
            "minutes": movie_minutes,
            "collected": 0,
            "ratings": rated["movie"],
            "comments": 0,
        },
        "shows": {
            "watched": len(account.watched_shows),
            "collected": 0,
            "ratings": rated["show"],
            "comments": 0,
        },
        "seasons": {"ratings": rated["season"], "comments": 0},
        "episodes": {
            "plays": by_type["episode"],
            "watched": episodes,
            "minutes": episode_minutes,
            "collected": 0,
            "ratings": rated["episode"],
            "comments": 0,
        },
        "network": {"friends": 0, "followers": 2, "following": 1},
        "ratings": {"total": sum(distribution.values()), "distribution": distribution},
        "progress": {"started": len(account.watched_shows), "finished": finished, "dropped": 0},
        "lists": 0,
        "total_minutes": movie_minutes + episode_minutes,
        "total_plays": by_type["movie"] + by_type["episode"],
    }


def _profile(slug: str, username: str | None, name: str | None) -> Row:
    return {
        "username": username or slug,
        "private": False,
        "deleted": False,
        "name": name or (username or slug).replace("-", " ").replace(".", " ").title(),
        "vip": False,
        "vip_ep": False,
        "director": False,
        "ids": {"slug": slug, "trakt": 9_000_000 + crc32(slug.encode()) % 1_000_000},
    }


def _pool(kind: str, first: Sequence[Title] | None, sample: bool, size: int) -> list[Title]:
    chosen = {title.trakt: title for title in first or ()}
    for title in islice(titles(kind, sample), size):
        chosen.setdefault(title.trakt, title)
    return list(chosen.values())


def _show_row(title: Title, seasons: dict[int, dict[int, Row]], last_watched_at: str) -> Row:
    return {
        "plays": sum(one["plays"] for season in seasons.values() for one in season.values()),
        "last_watched_at": last_watched_at,
        "last_updated_at": last_watched_at,
        "reset_at": None,
        "show": title.show() | {"aired_episodes": title.aired},
        "seasons": [
            {"number": number, "episodes": [seasons[number][one] for one in sorted(seasons[number])]}
            for number in sorted(seasons)
        ],
    }


@dataclass
class _Maker:
    """Fills an account; `used` collects the titles its rows mention."""

    account: Account
    rng: random.Random
    until: datetime
    used: dict[tuple[str, int], Title]
    watched_episodes: list[tuple[Title, int]] = field(default_factory=list)

    def use(self, title: Title) -> Title:
        """Remember that a row mentions the title."""
        self.used.setdefault((title.kind, title.trakt), title)
        return title

    def moment(self, days: int = 2500) -> str:
        """A random date with seconds before the newest play."""
        return stamp(self.until - timedelta(seconds=self.rng.randrange(60, days * 86_400)))

    def make_plays(self, movies: list[Title], shows: list[Title], plays: int, specials: bool) -> None:
        """The history, and the watched rows that fold it."""
        rng, account = self.rng, self.account
        spare = plays - len(movies) - len(shows)
        movie_plays = len(movies) + (min(len(movies) // 5, spare // 10) if shows else spare) if movies else 0
        again = rng.choices(movies, k=movie_plays - len(movies)) if movies else []
        tokens = movies + again
        queues: dict[int, list[int]] = {}
        for show, count in zip(shows, self._share(shows, plays - movie_plays), strict=True):
            tokens.extend([show] * count)
            queues[show.trakt] = self._episodes(show, count, specials)
        rng.shuffle(tokens)
        whens = self._minutes(len(tokens))
        ids = self._ids(len(tokens))
        objects: dict[tuple[str, int], Row] = {}
        episodes: dict[int, Row] = {}
        folded_movies: dict[int, Row] = {}
        folded: dict[int, tuple[Title, dict[int, dict[int, Row]]]] = {}
        rows: list[Row] = []
        actions = rng.choices(("scrobble", "watch", "checkin"), (6, 3, 1), k=len(tokens))
        for title, when, play_id, action in zip(tokens, whens, ids, actions, strict=True):
            key = (title.kind, title.trakt)
            if key not in objects:
                objects[key] = self.use(title).movie() if title.kind == "movie" else self.use(title).show()
            if title.kind == "movie":
                rows.append(
                    {
                        "id": play_id,
                        "watched_at": when,
                        "action": action,
                        "type": "movie",
                        "movie": objects[key],
                    }
                )
                entry = folded_movies.get(title.trakt)
                if entry is None:
                    folded_movies[title.trakt] = {
                        "plays": 1,
                        "last_watched_at": when,
                        "last_updated_at": when,
                        "movie": objects[key],
                    }
                else:
                    entry["plays"] += 1
                    entry["last_watched_at"] = entry["last_updated_at"] = when
                continue
            index = queues[title.trakt].pop()
            trakt = title.episode_base + index + 1
            episode = episodes.get(trakt)
            if episode is None:
                episode = episodes[trakt] = title.episode(index)
                self.watched_episodes.append((title, index))
            rows.append(
                {
                    "id": play_id,
                    "watched_at": when,
                    "action": action,
                    "type": "episode",
                    "episode": episode,
                    "show": objects[key],
                }
            )
            seasons = folded.setdefault(title.trakt, (title, {}))[1]
            season = seasons.setdefault(episode["season"], {})
            entry = season.get(episode["number"])
            if entry is None:
                season[episode["number"]] = {"number": episode["number"], "plays": 1, "last_watched_at": when}
            else:
                entry["plays"] += 1
                entry["last_watched_at"] = when
        rows.reverse()
        account.history = rows
        account.watched_movies = sorted(
            folded_movies.values(), key=lambda row: str(row["last_watched_at"]), reverse=True
        )
        account.watched_shows = sorted(
            (
                _show_row(title, seasons, max(e["last_watched_at"] for s in seasons.values() for e in s.values()))
                for title, seasons in folded.values()
            ),
            key=lambda row: str(row["last_watched_at"]),
            reverse=True,
        )
        for place, row in enumerate(account.watched_shows):
            if place % 40 == 3:
                row["reset_at"] = self.moment(400)

    def _share(self, shows: list[Title], plays: int) -> list[int]:
        """How many plays each show gets: some fully watched, some partly, the rest as rewatches."""
        if not shows:
            return []
        rng, counts, left = self.rng, [1] * len(shows), plays - len(shows)
        order = list(range(len(shows)))
        rng.shuffle(order)
        for place, index in enumerate(order):
            aired = min(shows[index].aired, MAX_EPISODES)
            want = aired if place % 3 == 0 else rng.randint(1, aired)
            extra = max(0, min(left, want - 1))
            counts[index] += extra
            left -= extra
        weights = [rng.random() * count for count in counts]
        total = sum(weights)
        extras = [int(left * weight / total) for weight in weights]
        extras[order[0]] += left - sum(extras)
        return [count + extra for count, extra in zip(counts, extras, strict=True)]

    def _episodes(self, show: Title, count: int, specials: bool) -> list[int]:
        """The episodes of a show in the order of watching, last one first."""
        rng, aired = self.rng, min(show.aired, MAX_EPISODES)
        again = count // 12 if count < aired else max(0, count - aired)
        special = 2 if specials and again >= 2 and show.trakt % 2 == 1 else 0
        watched = list(range(count - again))
        order = watched + rng.choices(watched, k=again - special)
        for number in range(special):
            order.insert(rng.randrange(len(order)), MAX_EPISODES + number)
        order.reverse()
        return order

    def _minutes(self, count: int) -> list[str]:
        """Dates to the minute, oldest first; a part of them is one bulk import."""
        end = int(self.until.timestamp()) // 60
        minutes = sorted(self.rng.randrange(end - 3000 * 1440, end) for _ in range(count))
        if minutes:
            minutes[-1] = end
        if count > 100:
            bulk = count // 40
            start = self.rng.randrange(count - 2 * bulk)
            minutes[start : start + bulk] = [minutes[start]] * bulk
        return [datetime.fromtimestamp(one * 60, UTC).strftime("%Y-%m-%dT%H:%M:00.000Z") for one in minutes]

    def _ids(self, count: int) -> list[int]:
        """Ids that grow with the date, save a few plays that were entered later."""
        rng, own = self.rng, crc32(self.account.slug.encode()) % 1000
        ids, now = [], FIRST_PLAY_ID // 1000
        for _ in range(count):
            now += rng.randrange(1, 9)
            ids.append(now * 1000 + own)
        for index in rng.sample(range(count), count // 50):
            now += rng.randrange(1, 9)
            ids[index] = now * 1000 + own
        return ids

    def make_watchlist(self, movies: list[Title], shows: list[Title], watched: list[Title], count: int) -> None:
        """Unwatched movies and shows, and seasons and episodes of watched shows."""
        account, rng = self.account, self.rng
        next_movie, next_show = iter(movies), iter(shows)
        next_season = iter([(show, show.place(show.aired - 1)[0]) for show in watched])
        next_episode = iter([(show, min(show.aired, MAX_EPISODES) - 1) for show in watched])
        for rank in range(1, count + 1):
            row: Row = {"rank": rank, "id": 990_000_000 + rank, "listed_at": self.moment(900)}
            row |= {"notes": "with friends" if rank % 17 == 0 else None, "my_rating": None}
            kind = rng.choices(("movie", "show", "season", "episode"), (60, 25, 8, 7))[0]
            if kind == "season" and (chosen := next(next_season, None)):
                row |= {"type": "season", "season": chosen[0].season(chosen[1]), "show": chosen[0].show()}
            elif kind == "episode" and (chosen := next(next_episode, None)):
                row |= {"type": "episode", "episode": chosen[0].episode(chosen[1]), "show": chosen[0].show()}
            elif kind == "show":
                row |= {"type": "show", "show": self.use(next(next_show)).show()}
            else:
                row |= {"type": "movie", "movie": self.use(next(next_movie)).movie()}
            account.watchlist.append(row)

    def _metadata(self) -> Row:
        rng = self.rng
        return {
            "media_type": rng.choice(_MEDIA),
            "resolution": rng.choice(_RESOLUTION),
            "hdr": "hdr10" if rng.random() < 0.2 else None,
            "audio": rng.choice(_AUDIO),
            "audio_channels": "5.1",
            "3d": None,
        }

    def make_collection(self, movies: list[Title], shows: list[Title]) -> None:
        """Owned movies and the owned episodes of shows, newest first."""
        for title in movies:
            when = self.moment()
            self.account.collection_movies.append(
                {
                    "type": "movie",
                    "collected_at": when,
                    "updated_at": when,
                    "movie": self.use(title).movie(),
                    "metadata": self._metadata(),
                }
            )
        for show in shows:
            when, metadata = self.moment(), self._metadata()
            seasons: dict[int, list[Row]] = {}
            for index in range(min(show.aired, 30)):
                season, number = self.use(show).place(index)
                episode = {"number": number, "collected_at": when, "metadata": metadata}
                seasons.setdefault(season, []).append(episode)
            self.account.collection_shows.append(
                {
                    "type": "show",
                    "last_collected_at": when,
                    "last_updated_at": when,
                    "show": show.show(),
                    "seasons": [{"number": key, "episodes": value} for key, value in seasons.items()],
                }
            )
        self.account.collection_movies.sort(key=lambda row: str(row["collected_at"]), reverse=True)
        self.account.collection_shows.sort(key=lambda row: str(row["last_collected_at"]), reverse=True)

    def make_ratings(self, movies: list[Title], watched_movies: int, shows: list[Title], count: int) -> None:
        """Ratings of all four types, newest first; runs of them share one date."""
        rng = self.rng
        chosen_shows = rng.sample(shows, min(len(shows), count // 8))
        seasons = rng.sample(shows, min(len(shows), count // 20))
        episodes = rng.sample(self.watched_episodes, min(len(self.watched_episodes), count * 2 // 5))
        left = count - len(chosen_shows) - len(seasons) - len(episodes)
        candidates = movies[:watched_movies] if left <= watched_movies else movies[:left]
        rows: list[Row] = [
            {"type": "movie", "movie": self.use(title).movie()} for title in rng.sample(candidates, left)
        ]
        rows += [{"type": "show", "show": show.show()} for show in chosen_shows]
        for show in seasons:
            season = show.season(1) | {"aired_episodes": min(show.aired, show.per_season)}
            rows.append({"type": "season", "season": season, "show": show.show()})
        for show, index in episodes:
            rows.append({"type": "episode", "episode": show.episode(index), "show": show.show()})
        rng.shuffle(rows)
        when = self.moment()
        for place, row in enumerate(rows):
            if place % 300 >= 60:
                when = self.moment()
            mark = rng.choices(range(1, 11), (1, 1, 2, 3, 6, 14, 25, 27, 14, 7))[0]
            self.account.ratings.append({"rated_at": when, "rating": mark} | row)
        self.account.ratings.sort(key=lambda row: str(row["rated_at"]), reverse=True)
