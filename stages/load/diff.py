"""What a run changed for its user, in words."""

from __future__ import annotations

from pipeline.duck import open_duckdb, parquet, quoted, run_script
from pipeline.storage import Storage
from stages.database import Kind
from stages.load.tables import TABLES, WATCHES, Table
from stages.load.written import LoadedRun, written

WORDS = {
    "score": "rating",
    "scored_at": "rated",
    "watched_episodes": "episodes watched",
    "aired_episodes": "episodes aired",
    "watchlisted_at": "on the watchlist since",
    "media_type": "medium",
    "is_3d": "3D",
}
# What is said of a new row; `{}` is the value.
NEW = {
    "library_entries": {
        "status": "{}",
        "plays": "{} plays",
        "watched_episodes": "{} episodes watched",
        "score": "rating {}",
        "last_watched_at": "last watched {}",
        "watching_since": "watching since {}",
        "watchlisted_at": "on the watchlist since {}",
        "collected_at": "collected {}",
        "media_type": "{}",
    },
    "season_entries": {
        "watched_episodes": "{} episodes watched",
        "score": "rating {}",
        "watchlisted_at": "on the watchlist since {}",
    },
    "episode_entries": {"score": "rating {}", "watchlisted_at": "on the watchlist since {}"},
    "watches": {},
}


def diff(run: LoadedRun, *, storage: Storage, snapshot: str) -> list[str]:
    """The lines, by name of the title; none where the run changed nothing. `StorageError` where its files are gone."""
    with open_duckdb() as connection:
        connection.execute(
            'create table changed_rows ("table" varchar, title_id varchar, season bigint, episode bigint, fate varchar, '
            "text varchar); create table changed_plays (title_id varchar, season bigint, episode bigint, "
            "watched_at timestamptz, fate varchar, text varchar)"
        )
        for table in TABLES:
            written(connection, storage, run, table)
            connection.execute(
                f"insert into {'changed_plays' if table is WATCHES else 'changed_rows'} by name {_words(table)}"
            )
            connection.execute("drop table written")
        connection.execute(f"create table names as {_names(storage, run, snapshot)}")
        run_script(connection, __package__, "diff")
        return [line for (line,) in connection.execute("select line from lines order by place").fetchall()]


def _names(storage: Storage, run: LoadedRun, snapshot: str) -> str:
    """What Trakt calls the titles of the run, else the catalogue: a row that left may be of a title that is not met now."""
    outcomes = parquet(storage, [f"resolved/outcomes/batch={run.batch_id}/part-0.parquet"])
    names = (
        f"select title_id, first(name order by trakt_id) as name from {outcomes} "
        f"where run_id = {quoted(run.run_id)} group by title_id"
    )
    catalogue = f"catalog/snapshot={snapshot}/titles.parquet"
    if not storage.exists(catalogue):
        return names
    changed = "(select title_id from changed_rows union select title_id from changed_plays)"
    titles = f"select title_id, name from {parquet(storage, [catalogue])} semi join {changed} using (title_id)"
    return f"select title_id, coalesce(n.name, t.name) as name from ({names}) as n full join ({titles}) as t using (title_id)"


def _words(table: Table) -> str:
    place = {name: name for name in ("season", "episode") if name in table.key}
    about = {"title_id": "title_id"} | place
    if table is WATCHES:
        about = {name: f"coalesce(new_{name}, was_{name})" for name in ("title_id", "season", "episode", "watched_at")}
    else:
        about["table"] = quoted(table.name)
    changed = ", ".join(_changed(name, kind) for name, kind in table.values.items())
    new = ", ".join(_new(name, table.values[name], text) for name, text in NEW[table.name].items()) or "null"
    columns = ", ".join(f'{value} as "{name}"' for name, value in about.items())
    return (
        f"select {columns}, fate, nullif(case fate when 'update' then concat_ws(', ', {changed}) "
        f"when 'insert' then concat_ws(', ', {new}) end, '') as text from written"
    )


def _changed(name: str, kind: Kind) -> str:
    """`rating 7 → 9`, where the column changed."""
    was, new = (f"coalesce({_value(f'{side}_{name}', kind)}, 'none')" for side in ("was", "new"))
    word = WORDS.get(name, name.removesuffix("_at").replace("_", " "))
    return f"case when was_{name} is distinct from new_{name} then {quoted(word)} || ' ' || {was} || ' → ' || {new} end"


def _new(name: str, kind: Kind, text: str) -> str:
    """What is said of a value that is there; nothing of a count that is 0."""
    value = f"nullif(new_{name}, 0)" if kind == "number" else f"new_{name}"
    before, after = text.split("{}")
    one = after.replace("plays", "play").replace("episodes", "episode")
    rest = f"case when new_{name} = 1 then {quoted(one)} else {quoted(after)} end" if one != after else quoted(after)
    return f"{quoted(before)} || {_value(value, kind)} || {rest}"


def _value(column: str, kind: Kind) -> str:
    if kind == "moment":
        return f"strftime({column}, '%Y-%m-%d %H:%M')"
    return f"case when {column} then 'yes' when not {column} then 'no' end" if kind == "flag" else f"{column}::varchar"
