"""The columns of a table, written out as the SQL of this folder needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from stages.database import Database, Kind
from stages.load.tables import COUNTERS, DATED_BY, Table

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
        "same_key": " and ".join(f"t.{name} = b.{name}" for name in table.key),
        "o_same_key": " and ".join(f"t.{name} = o.{name}" for name in table.key),
        "typed": typed(table.columns),
        "typed_values": typed(table.key | table.values),
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


def by_place(table: Table, differing: Collection[str]) -> dict[str, str]:
    """The lists of `placed.sql`; `differing`: the columns that the two files do not have in the same bytes."""
    others = [name for name in table.values if name in differing]
    now = [*table.key, *table.values, *(["status_at"] if "status" in table.values else [])]
    was = [f"{'b' if name in others else 't'}.{name} as was_{name}" for name in table.values]
    return {
        "b_differing": ", ".join([*others, "gone", "left_alone"]),
        "differ": " or ".join(f"t.{name} is distinct from b.{name}" for name in others) or "false",
        "placed_columns": ", ".join([*(f"t.{name}" for name in now), *was]),
        "was": ", ".join(f"was_{name} as {name}" for name in table.values),
    }


def _sides(table: Table, name: str) -> str:
    """What `merged` and `kept` are to weigh for one column."""
    ours = f"case when has_base then o.{name} else nullif(o.{name}, 0) end" if name in COUNTERS else f"o.{name}"
    date = DATED_BY.get(name)
    newer = f"coalesce(t.{date} > o.updated_at, false)" if date and not table.events else "true"
    return f"t.{name}, b.{name}, {ours}, {newer}"


def _side(side: str, names: Iterable[str]) -> str:
    return ", ".join(f"{side}.{name}" for name in names)


def _cases(cases: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"when '{name}' then {value}" for name, value in cases)


def typed(columns: Mapping[str, Kind]) -> str:
    """Columns of `read`, of which some may be text, as what they mean."""
    return ", ".join(f"try_cast({name} as {TYPES[kind]}) as {name}" for name, kind in columns.items())


def empty(table: Table) -> str:
    """A query that gives the columns of a table, each of its type."""
    return "select " + ", ".join(f"null::{TYPES[kind]} as {name}" for name, kind in table.columns.items())


def no_before(table: Table) -> str:
    """A query without rows that gives what written.sql reads of `before/`: a file whose rows are all new has only their keys."""
    became = ", ".join(f"{name} {TYPES[kind]}" for name, kind in table.values.items())
    return (
        "select null::varchar as fate, * exclude (run_id), run_id as was_run_id, "
        f"null::struct({became}) as became, null::varchar as run_id from ({empty(table)}) limit 0"
    )


def inserts(table: Table, values: Mapping[str, str], relation: str) -> str:
    """The rows of `relation` (`a`, with `fate`) that are to be inserted; `values` is the SQL of every column."""
    columns = ", ".join(f"{values[name]} as {name}" for name in table.columns)
    keys = ", ".join(f"a.{name}" for name in table.key)
    return f"select {columns} from {relation} where a.fate = 'insert' order by {keys}"


def changes(database: Database, table: Table, values: Mapping[str, str], relation: str) -> str:
    """Those that are to be updated or deleted, each with the row as it was read (`was_<column>`)."""
    columns = [f"{values[name]} as {name}" for name in table.columns]
    columns += [f"o.{name} as was_{name}" for name in table.compared]
    deleted = database.handed("a.fate = 'delete'", "deleted", "flag")
    keys = ", ".join(f"a.{name}" for name in table.key)
    return (
        f"select {', '.join(columns)}, {deleted} as deleted from {relation} join read as o using ({', '.join(table.key)}) "
        f"where a.fate in ('update', 'delete') order by {keys}"
    )
