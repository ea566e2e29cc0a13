"""Examine the catalogue: what its titles can be found by, what stands in it twice, how much of the users' titles it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.duck import sql_of
from stages.database import Database, Kind

if TYPE_CHECKING:
    import pyarrow as pa

IDS = ("trakt_id", "imdb_id", "tmdb_id", "tvdb_id")
USABLE = {name: f"{name} > 0" for name in IDS} | {"imdb_id": "lower(trim(imdb_id)) like 'tt_____%'"}
WANTED: dict[str, Kind] = {
    "place": "number",
    "kind": "text",
    "trakt_id": "number",
    "imdb_id": "text",
    "tmdb_id": "number",
    "tvdb_id": "number",
}
SHOWN = 20


@dataclass(frozen=True)
class Checked:
    """What was found. `coverage`: kind, number of titles, how many have a usable id of each of `IDS`.

    `twice`: ids that several titles of a kind bear; `alike`: titles of the same kind, name and year; `unusable`: ids
    that can never match, by the name of the id. Lists are cut at `SHOWN`, their numbers are not.
    """

    coverage: tuple[tuple[str, int, tuple[int, ...]], ...]
    twice: tuple[str, ...]
    twice_count: int
    alike: tuple[str, ...]
    alike_count: int
    unusable: dict[str, int]
    found_now: int


def check_catalogue(database: Database, wanted: pa.Table) -> Checked:
    """Examine `titles`; `wanted` are titles that were not in the catalogue when they were last looked for (`WANTED`)."""
    counts = ", ".join(f"count(case when {USABLE[name]} then 1 end)" for name in IDS)
    coverage = database.execute(f"select kind, count(*), {counts} from titles group by kind order by kind")
    bad = ", ".join(f"count(case when {name} is not null and not {USABLE[name]} then 1 end)" for name in IDS)
    twice: list[str] = []
    number = 0
    for name in IDS:
        groups = f"select kind, {name} from titles where {USABLE[name]} group by kind, {name} having count(*) > 1"
        number += database.execute(f"select count(*) from ({groups}) as g")[0][0]
        twice += [
            f"{name} {kind} {value}: {titles}"
            for kind, value, titles in database.execute(
                f"select t.kind, cast(t.{name} as text), {_list('t.title_id')} from titles as t "
                f"join ({groups} order by kind, {name} limit {SHOWN}) as g on g.kind = t.kind and g.{name} = t.{name} "
                f"group by t.kind, t.{name} order by t.kind, t.{name}"
            )
        ]
    groups = (
        "select kind, lower(trim(name)) as name, year from titles where year is not null "
        "group by kind, lower(trim(name)), year having count(*) > 1"
    )
    alike = database.execute(
        f"select g.kind, g.name, g.year, {_list('t.title_id')} from titles as t join ({groups} order by 1, 2, 3 limit {SHOWN}) "
        "as g on g.kind = t.kind and g.name = lower(trim(t.name)) and g.year = t.year "
        "group by g.kind, g.name, g.year order by 1, 2, 3"
    )
    database.stage("wanted_titles", WANTED, wanted)
    return Checked(
        coverage=tuple((row[0], row[1], tuple(row[2:])) for row in coverage),
        twice=tuple(twice[:SHOWN]),
        twice_count=number,
        alike=tuple(f"{kind} {name} ({year}): {titles}" for kind, name, year, titles in alike),
        alike_count=database.execute(f"select count(*) from ({groups}) as g")[0][0],
        unusable=dict(zip(IDS, database.execute(f"select {bad} from titles")[0], strict=True)),
        found_now=database.execute(sql_of(__package__, "found_now"))[0][0],
    )


def _list(column: str) -> str:
    return f"string_agg(cast({column} as text), ', ' order by cast({column} as text))"
