"""The data dictionary is right for every column, stands in every file, and other engines read the layout."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline import connect
from pipeline.lake.datasets import leaves, schemas
from pipeline.lake.dictionary import dictionary
from pipeline.meanings import DATASETS, dataset_of
from tests.sandbox.accounts import make_account
from tests.sandbox.demo import demo_account

pytestmark = pytest.mark.one_database

ROOT = Path(__file__).parent.parent


def test_the_page_is_current():
    assert (ROOT / "docs" / "dictionary.md").read_text(encoding="utf-8") == dictionary(), "run: make docs"


def test_every_column_has_a_meaning_and_every_meaning_a_column():
    for name, schema in schemas().items():
        assert {path for path, _ in leaves(schema)} == set(DATASETS[name].columns), name
    assert set(schemas()) == set(DATASETS)


def test_every_file_of_an_import_is_as_the_dictionary_says_and_says_it_itself(home, served):
    served(demo_account())
    assert home.call("run", "demo").code == 0

    seen = set()
    for file in sorted(Path("data").rglob("*.parquet")):
        name = dataset_of(file.relative_to("data").as_posix())
        seen.add(name)
        found, told = pq.read_schema(file), pq.read_metadata(file).metadata
        expected = {path: str(kind) for path, kind in leaves(schemas()[name])}
        if name.startswith("before_"):  # all rows are new
            key = (*DATASETS[name].key.split(", "), "fate", "trakt_slug", "run_id")
            expected = {path: kind for path, kind in expected.items() if path in key}
        assert {path: str(kind) for path, kind in leaves(found)} == expected, file
        assert json.loads(told[b"columns"]) == DATASETS[name].columns
        assert told[b"dataset"].decode() == name
    assert seen == set(DATASETS)
    with connect() as lake:
        asked = "select count(*) > 0, count(was_run_id), count(became.plays) from before_library_entries"
        assert lake.execute(asked).fetchall() == [(True, 0, 0)]


def test_the_files_of_changed_rows_have_every_column(home, served):
    account = make_account("otter", movies=5, shows=2, plays=30, watching=False)
    served(account)
    home.call("run", "otter")
    account.add_play(next(title for title in account.titles if title.kind == "show"), "2026-10-02T20:00:00.000Z")
    account.changed()
    assert home.call("run", "otter", "--full").code == 0

    for table in ("library_entries", "season_entries", "episode_entries", "watches"):
        newest = max(Path("data/before", table).glob("*/part-0.parquet"))
        assert {path: str(kind) for path, kind in leaves(pq.read_schema(newest))} == {
            path: str(kind) for path, kind in leaves(schemas()[f"before_{table}"])
        }, table


def test_files_of_an_older_version_stay_readable_through_the_same_views():
    """`tests/older` holds a few rows as a version wrote them that knew fewer columns, also within structs and lists."""
    with connect(str(ROOT / "tests" / "older")) as lake:

        def ask(sql):
            return lake.execute(sql).fetchall()

        assert ask("select count(id), count(action), count(watched_at) from latest_history") == [(3, 0, 3)]
        seen = (
            'select "show".title, "show".ids.trakt is null, "show".aired_episodes, reset_at from latest_watched_shows'
        )
        assert ask(f"{seen} order by 1") == [("30 Rock", False, None, None), ("Attack on Titan", False, None, None)]
        episodes = "select unnest(seasons).episodes[1] as e from latest_watched_shows"
        assert ask(f"select count(e.number), count(e.plays), count(e.last_watched_at) from ({episodes})") == [(3, 0, 3)]
        media = "metadata.media_type is null, metadata.hdr, metadata.is_3d"
        assert ask(f"select distinct {media} from latest_collection_movies") == [(False, None, None)]
        assert ask("select count(*), count(title_id), count(status_at) from latest_library_entries") == [(3, 3, 0)]
        assert ask("select count(outcome), count(kept), count(ambiguous) from latest_outcomes") == [(3, 0, 0)]
        assert ask("select count(*), count(trakt_id), count(tvdb_id) from titles") == [(2, 2, 0)]


def test_polars_and_pandas_read_the_layout(home, served):
    import pandas
    import polars

    account = make_account("123", movies=10, shows=3, plays=300, watching=False)
    served(account)
    assert home.call("run", "123").code == 0
    assert home.call("compact").code == 0

    for table in ("staged/history", "resolved/watches", "staged/watched_shows"):
        view = table.partition("/")[2]
        rows = connect().execute(f"select count(*) from {view}").fetchall()[0][0]
        parts = ("user", "run") if table.startswith("staged") else ("batch",)
        found = polars.read_parquet(f"data/{table}/**/*.parquet", hive_schema=dict.fromkeys(parts, polars.String))
        frame = pandas.read_parquet(f"data/{table}")

        assert len(found) == len(frame) == rows
        assert set(found.columns) == set(frame.columns) == {*schemas()[view].names, *parts}
        assert set(found["trakt_slug"]) == set(frame["trakt_slug"]) == {"123"}
    shows = polars.read_parquet("data/staged/history/**/*.parquet")["show"].struct.field("ids").struct.field("trakt")
    assert set(shows.drop_nulls()) == {row["show"]["ids"]["trakt"] for row in account.history if "show" in row}
