"""The columns of a table, written out as the SQL of this folder needs them."""

from __future__ import annotations

from collections.abc import Iterable

from stages.load.tables import COUNTERS, DATED_BY, Kind, Table

TYPES = {"text": "varchar", "number": "bigint", "flag": "boolean", "moment": "timestamptz"}
# What a row is about.
PLACE = ("title_id", "season", "episode", "history_id")


def lists(table: Table) -> dict[str, str]:
    """Every list that a `.sql` file of this folder leaves open, by the name in its braces."""
    dated = {name: DATED_BY[name] for name in table.values if name in DATED_BY}
    stamp = "o.updated_at" if "updated_at" in table.stamps else "null::timestamptz"
    extra = ["status_at"] if "status" in table.values else []
    return {
        "table": table.name,
        "events": str(table.events).lower(),
        "key": ", ".join(table.key),
        "values": ", ".join(table.values),
        "t_key": ", ".join(f"t.{name} as {name}" for name in table.key),
        "place": ", ".join(f"t.{name} as {name}" for name in PLACE if name in table.columns),
        "t_columns": _side("t", (*table.key, *table.values, *extra)),
        "b_columns": _side("b", (*table.key, *table.values)),
        "t_values": _side("t", table.values),
        "b_values": _side("b", table.values),
        "o_values": _side("o", table.values),
        "t_facts": _side("t", table.facts),
        "b_facts": _side("b", table.facts),
        "merged": ",\n        ".join(
            f"case when whole then t.{name} else merged({_sides(table, name)}) end as {name}" for name in table.values
        ),
        "kept": ",\n            ".join(f"case when kept({_sides(table, name)}) then '{name}' end" for name in dated)
        or "null",
        "ours": _cases((name, f"o.{name}::varchar") for name in table.values),
        "theirs": _cases((name, f"t.{name}::varchar") for name in table.values),
        "dates": _cases((name, f"t.{date}") for name, date in dated.items()) or "when null then null::timestamptz",
        "updated_at": stamp,
    }


def _sides(table: Table, name: str) -> str:
    """What `merged` and `kept` are to weigh for one column."""
    ours = f"case when has_base then o.{name} else nullif(o.{name}, 0) end" if name in COUNTERS else f"o.{name}"
    date = DATED_BY.get(name)
    newer = f"coalesce(t.{date} > o.updated_at, false)" if date and not table.events else "true"
    return f"t.{name}, b.{name}, {ours}, has_base, {newer}"


def _side(side: str, names: Iterable[str]) -> str:
    return ", ".join(f"{side}.{name}" for name in names)


def _cases(cases: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"when '{name}' then {value}" for name, value in cases)


def carried(column: str, kind: Kind, name: str = "") -> str:
    """A value of `a`, of DuckDB's types, as the database takes it; `name` where that is another than the column's."""
    name = name or column
    if kind == "moment":
        return f"strftime(a.{column}, '%Y-%m-%dT%H:%M:%SZ') as {name}"
    return f"a.{column}::bigint as {name}" if kind == "flag" else f"a.{column} as {name}"


def typed(name: str, kind: Kind) -> str:
    """A value of the database, which may be text, as what it means."""
    if kind == "moment":
        return f"try_cast(nullif({name}, '') as timestamptz) as {name}"
    return f"try_cast({name} as {TYPES[kind]}) as {name}"


def empty(table: Table) -> str:
    """A query that gives the columns of a table, each of its type."""
    return "select " + ", ".join(f"null::{TYPES[kind]} as {name}" for name, kind in table.columns.items())
