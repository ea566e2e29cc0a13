"""The merge as its rules say it, in plain Python over dictionaries: no set, no join, no SQL.

A row is a dictionary; a table is one from key to row; keys leave out the user, for each user has a model of its own.
Moments are texts in UTC, so that they compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.shown import Shown, Title

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]

FACTS = {
    "library_entries": (
        *("score", "scored_at", "plays", "first_watched_at", "last_watched_at"),
        *("watching_since", "watchlisted_at", "collected_at"),
    ),
    "season_entries": ("plays", "last_watched_at", "score", "scored_at", "watchlisted_at"),
    "episode_entries": ("plays", "last_watched_at", "score", "scored_at", "watchlisted_at", "collected_at"),
    "watches": ("watched_at",),
}
VALUES = {
    "library_entries": (
        *("kind", "trakt_id", "status", "watched_episodes", "aired_episodes", "media_type"),
        *FACTS["library_entries"],
    ),
    "season_entries": ("watched_episodes", *FACTS["season_entries"]),
    "episode_entries": ("media_type", *FACTS["episode_entries"]),
    "watches": ("title_id", "season", "episode", "action", "watched_at"),
}
# Whose date decides where both sides have changed a column; None: always theirs.
DATE: dict[str, str | None] = {
    "kind": None,
    "trakt_id": None,
    "aired_episodes": None,
    "status": "status_at",
    "score": "scored_at",
    "scored_at": "scored_at",
    "plays": "last_watched_at",
    "watched_episodes": "last_watched_at",
    "first_watched_at": "last_watched_at",
    "last_watched_at": "last_watched_at",
    "watching_since": "watching_since",
    "watchlisted_at": "watchlisted_at",
    "collected_at": "collected_at",
    "media_type": "collected_at",
}


def moment(text: str | None) -> str | None:
    """A date of Trakt's as the tables have it."""
    return None if text is None else text.removesuffix(".000Z").removesuffix("Z") + "Z"


def latest(values: Iterable[str | None]) -> str | None:
    """The latest date; None where there is none."""
    return max((value for value in values if value), default=None)


# --- Trakt's side


@dataclass
class Side:
    """Trakt's side: its rows, and which catalogue title each Trakt title is, None where it is none."""

    tables: dict[str, Table]
    titles: dict[Title, str | None]


def trakt_side(shown: Shown, resolve: Callable[[Title], tuple[int, str | None]], now: str) -> Side:
    """What the picture shows as rows. `resolve` gives which id told (1: Trakt's) and the catalogue title."""
    watching = shown.watching if shown.watching and shown.watching[3] > now else None
    met = {play.title for play in shown.plays.values()}
    met |= {title for facts in (shown.ratings, shown.listed, shown.collected) for title, _ in facts}
    met |= {watching[0]} if watching else set()
    side = Side({name: {} for name in VALUES}, {title: resolve(title)[1] for title in met})
    together: dict[str, list[Title]] = {}
    for title in sorted(met, key=lambda title: (resolve(title)[0], title[1])):
        title_id = side.titles[title]
        if title_id is not None:
            together.setdefault(title_id, []).append(title)
    for title_id, members in together.items():
        _entry(side, shown, title_id, members, watching)
    for number, play in shown.plays.items():
        title_id = side.titles[play.title]
        if title_id is not None:
            season, episode = play.part or (None, None)
            side.tables["watches"][(number,)] = {
                "title_id": title_id,
                "season": season,
                "episode": episode,
                "watched_at": moment(play.at),
                "action": play.action,
            }
    return side


def _entry(side: Side, shown: Shown, title_id: str, members: list[Title], watching: Any) -> None:
    """The rows of one catalogue title, which may be several on Trakt."""
    kind = members[0][0]
    plays = [play for play in shown.plays.values() if play.title in members]
    dates = [moment(play.at) for play in plays if play.at]
    ratings = _own(shown.ratings, members, lambda value: value[1])
    listed = _own(shown.listed, members, lambda value: value)
    collected = _own(shown.collected, members, lambda value: value[0])
    seen: dict[tuple[int, int], bool] = {}
    for member in members:
        for part in {play.part for play in plays if play.title == member and play.part}:
            last = latest(moment(play.at) for play in plays if play.title == member and play.part == part)
            reset = moment(shown.resets.get(member))
            seen[part] = seen.get(part, False) or reset is None or (last is not None and last >= reset)
    parts = set(seen) | {part for facts in (ratings, listed, collected) for part in facts if len(part) == 2}
    for part in parts:
        own = [play for play in plays if play.part == part]
        score, scored_at = ratings.get(part, (None, None))
        copied = collected.get(part, (None, None))
        side.tables["episode_entries"][(title_id, *part)] = {
            "plays": len(own),
            "last_watched_at": latest(moment(play.at) for play in own),
            "score": score,
            "scored_at": moment(scored_at),
            "watchlisted_at": moment(listed.get(part)),
            "collected_at": moment(copied[0]),
            "media_type": copied[1],
        }
    numbers = {part[0] for part in seen} | {part[0] for facts in (ratings, listed) for part in facts if len(part) == 1}
    for number in numbers:
        own = [play for play in plays if play.part and play.part[0] == number]
        score, scored_at = ratings.get((number,), (None, None))
        side.tables["season_entries"][(title_id, number)] = {
            "watched_episodes": sum(counts for part, counts in seen.items() if part[0] == number),
            "plays": len(own),
            "last_watched_at": latest(moment(play.at) for play in own),
            "score": score,
            "scored_at": moment(scored_at),
            "watchlisted_at": moment(listed.get((number,))),
        }
    watched = sum(counts for part, counts in seen.items() if part[0] > 0) if kind == "show" else None
    aired = max((shown.aired.get(member) or 0 for member in members), default=0) or None if kind == "show" else None
    since = moment(watching[2]) if watching and watching[0] in members else None
    score, scored_at = ratings.get((), (None, None))
    copies = [value for (title, _), value in shown.collected.items() if title in members]
    copied_at = latest(moment(at) for at, _ in copies)
    evidence = [
        (since is not None, "active", since),
        (bool(plays), "active" if aired and watched is not None and watched < aired else "finished", latest(dates)),
        (bool(listed), "active", latest(moment(at) for at in listed.values())),
        (bool(copies), "finished", copied_at),
        (() in ratings, "finished", moment(scored_at)),
        (bool(ratings), "active", latest(moment(at) for _, at in ratings.values())),
    ]
    status, status_at = next((status, at) for holds, status, at in evidence if holds)
    side.tables["library_entries"][(title_id,)] = {
        "kind": kind,
        "trakt_id": members[0][1],
        "status": status,
        "status_at": status_at,
        "score": score,
        "scored_at": moment(scored_at),
        "plays": len(plays),
        "watched_episodes": watched,
        "aired_episodes": aired,
        "first_watched_at": min((date for date in dates if date), default=None),
        "last_watched_at": latest(dates),
        "watching_since": since,
        "watchlisted_at": moment(listed.get(())),
        "collected_at": copied_at,
        "media_type": collected[()][1] if kind == "movie" and () in collected else None,
    }


def _own(facts: dict[Any, Any], members: list[Title], date: Callable[[Any], Any]) -> dict[tuple[int, ...], Any]:
    """The facts of these titles by part; of two Trakt titles the later one, of the same date that of the first title."""
    found: dict[tuple[int, ...], Any] = {}
    for member in members:
        for (title, part), value in facts.items():
            if title == member and (part not in found or date(value) > date(found[part])):
                found[part] = value
    return found


# --- the merge


@dataclass
class Carried:
    """One resolved row: Trakt's side as this run has it, or as an earlier one had it."""

    row: Row
    carried: bool = False
    gone: bool = False
    moved: bool = False
    left_alone: bool = False


@dataclass
class Done:
    """One completed run: its resolved rows, where each Trakt title stood, and what it did to the rows."""

    run_id: str
    resolved: dict[str, dict[tuple[Any, ...], Carried]]
    stood: dict[Title, str]
    changes: dict[tuple[str, tuple[Any, ...]], tuple[Row | None, Row | None]] = field(default_factory=dict)
    imported: set[Title] = field(default_factory=set)
    kept: set[tuple[str, tuple[Any, ...], str | None]] = field(default_factory=set)


@dataclass
class Model:
    """One user of the application."""

    tables: dict[str, Table] = field(default_factory=lambda: {name: {} for name in VALUES})
    runs: list[Done] = field(default_factory=list)

    def run(self, side: Side, run_id: str, at: str, mode: str, prune: bool) -> Done:
        """Import Trakt's side."""
        before = self.runs[-1] if self.runs else None
        owned = {key[0] for key in self.tables["library_entries"]} if mode == "new" else set()
        stood = {title: title_id for title, title_id in side.titles.items() if title_id is not None}
        if before:
            for title, title_id in side.titles.items():
                if title_id is None and title in before.stood:
                    stood[title] = before.stood[title]
        done = Done(run_id, {}, stood)
        for table in VALUES:
            base = self._baseline(before, table)
            done.resolved[table] = self._resolved(side, table, base, before, owned)
            for key, theirs in done.resolved[table].items():
                if not theirs.left_alone:
                    self._write(done, table, key, theirs, base.get(key), at, mode == "overwrite", prune)
        touched = {
            new["title_id"] if table == "watches" else key[0]
            for (table, key), (_, new) in done.changes.items()
            if new is not None
        }
        done.imported = {title for title, title_id in side.titles.items() if title_id in touched}
        self.runs.append(done)
        return done

    def undo(self) -> set[tuple[str, tuple[Any, ...]]]:
        """Undo the last run; the rows that are left since something has changed them."""
        done, left = self.runs.pop(), set()
        for (table, key), (old, new) in done.changes.items():
            now = self.tables[table].get(key)
            if _values(table, now) != _values(table, new):
                if new is None or old is not None or now is not None:
                    left.add((table, key))
            elif old is None:
                del self.tables[table][key]
            else:
                self.tables[table][key] = old
        return left

    def _baseline(self, before: Done | None, table: str) -> dict[tuple[Any, ...], Carried]:
        if before is None:
            return {}
        return {
            key: carried
            for key, carried in before.resolved[table].items()
            if not carried.left_alone and not carried.moved
        }

    def _resolved(
        self, side: Side, table: str, base: dict[tuple[Any, ...], Carried], before: Done | None, owned: set[str]
    ) -> dict[tuple[Any, ...], Carried]:
        found = {key: Carried(row) for key, row in side.tables[table].items()}
        for key, last in base.items():
            pruned = before is not None and before.changes.get((table, key), (None, {}))[1] is None
            if key in found or pruned:
                continue
            title_id = last.row["title_id"] if table == "watches" else key[0]
            stood_here = [title for title, where in (before.stood if before else {}).items() if where == title_id]
            unresolved = any(title in side.titles and side.titles[title] is None for title in stood_here)
            to = {side.titles.get(title) for title in stood_here}
            moved = (
                *(bool(stood_here), None not in to, title_id not in set(side.titles.values()), not last.gone),
                *(table != "watches", any((new, *key[1:]) in side.tables[table] for new in to)),
            )
            carried = Carried(last.row, carried=True, moved=all(moved))
            carried.gone = last.gone or not (unresolved or carried.moved)
            found[key] = carried
        for key, carried in found.items():
            carried.left_alone = (carried.row["title_id"] if table == "watches" else key[0]) in owned
        return found

    def _write(
        self,
        done: Done,
        table: str,
        key: tuple[Any, ...],
        resolved: Carried,
        last: Carried | None,
        at: str,
        overwrite: bool,
        prune: bool,
    ) -> None:
        ours, theirs, base = self.tables[table].get(key), resolved.row, last.row if last else None
        if resolved.carried:
            if ours is not None and (resolved.moved or (resolved.gone and prune)):
                if _values(table, ours) == _values(table, base):
                    del self.tables[table][key]
                    done.changes[table, key] = (ours, None)
                else:
                    done.kept.add((table, key, None))
            return
        new = "updated_at" if table != "watches" else ""
        if ours is None:
            returns = last is not None and last.gone
            if base and not returns and not overwrite and all(theirs[name] == base[name] for name in FACTS[table]):
                return
            row = {name: theirs[name] for name in VALUES[table]} | ({new: at} if new else {})
            self.tables[table][key] = row
            done.changes[table, key] = (None, row)
            return
        if base and _values(table, base) == _values(table, theirs) and not overwrite:
            return
        row = dict(ours)
        for name in VALUES[table]:
            if table == "watches" or overwrite:
                row[name] = theirs[name]
            else:
                row[name], kept = _merged(name, theirs, base, ours)
                if kept:
                    done.kept.add((table, key, name))
        if _values(table, row) != _values(table, ours):
            if new and base and _values(table, ours) == _values(table, base):
                row[new] = at
            self.tables[table][key] = row
            done.changes[table, key] = (ours, row)


def _merged(name: str, theirs: Row, base: Row | None, ours: Row) -> tuple[Any, bool]:
    """One column; and whether ours stands although both sides have changed it."""
    if theirs[name] == ours[name]:
        return ours[name], False
    if base is not None:
        if theirs[name] == base[name]:
            return ours[name], False
        if ours[name] == base[name]:
            return theirs[name], False
    else:
        if ours[name] is None or (ours[name] == 0 and name in ("plays", "watched_episodes")):
            return theirs[name], False
        if theirs[name] is None:
            return ours[name], False
    date = DATE[name]
    if date is None:
        return theirs[name], False
    if theirs[date] and ours["updated_at"] and theirs[date] > ours["updated_at"]:
        return theirs[name], False
    return ours[name], True


def _values(table: str, row: Row | None) -> list[Any] | None:
    return None if row is None else [row[name] for name in VALUES[table]]
