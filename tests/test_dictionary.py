"""The data dictionary is right for every column, stands in every file, and other engines read the layout."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.datasets import leaves, schemas
from pipeline.dictionary import dictionary
from pipeline.meanings import DATASETS, dataset_of
from tests.sandbox.demo import demo_account

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
        expected = {field.name: field.type for field in schemas()[name]}
        columns = {field.name: field.type for field in found}
        assert {path: str(kind) for path, kind in leaves(found)} == {
            path: str(kind) for path, kind in leaves(schemas()[name])
        }, file
        assert set(columns) == set(expected)
        assert json.loads(told[b"columns"]) == DATASETS[name].columns
        assert told[b"dataset"].decode() == name
    assert seen == set(DATASETS)
