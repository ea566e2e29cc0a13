"""The catalogue: what a file may look like, and what is told of one that cannot be used."""

from __future__ import annotations

import pytest

HEADER = "title_id,kind,name"


def load(home, content, *options, name="titles.csv"):
    (home.path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return home.call("catalog", "load", name, *options)


def test_columns_come_in_any_order_with_a_bom_and_quoted_newlines(home):
    result = load(home, b'\xef\xbb\xbfname,title_id,KIND\r\n"A, ""q""",007,movie\r\n"B\nB",2,Show\r\n')

    assert result.code == 0, result.err
    rows = [("007", "movie", 'A, "q"'), ("2", "show", "B\nB")]
    assert home.rows("select title_id, kind, name from titles order by title_id") == rows


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("title_id,name\n1,A\n", 1, "no column kind"),
        (f"{HEADER}\n1,movie,A\n1,movie,B\n", 3, "title_id 1"),
        (f"{HEADER}\n,movie,A\n", 2, "no title_id"),
        (f"{HEADER}\n1,film,A\n", 2, "film"),
        (f"{HEADER}\n1,movie,\n", 2, "no name"),
        (f"{HEADER},year\n1,movie,A,2000\n2,movie,B,abc\n", 3, "year is abc"),
        (f"{HEADER}\n1,movie,A,extra,more\n", 2, ""),
        (f"{HEADER}\n1,movie,A\n2,movie\n", 3, ""),
        (f'{HEADER}\n1,movie,"A\n', 2, ""),
        ("", 1, "empty"),
        ("title_id;kind;name\n1;movie;A\n", 1, "no column"),
    ],
)
def test_a_bad_file_is_refused_whole_naming_line_and_reason(home, content, line, reason):
    load(home, f"{HEADER}\nkept,movie,Kept\n", name="good.csv")

    result = load(home, content)

    assert result.code == 2
    assert f"titles.csv, line {line}: " in result.err
    assert reason in result.err
    assert home.rows("select title_id from titles") == [("kept",)]


def test_bytes_that_are_not_utf8_are_refused(home):
    result = load(home, HEADER.encode() + b"\n1,movie,\xff\xfe\n")

    assert result.code == 2
    assert "not UTF-8" in result.err


def test_only_what_changed_is_stamped_and_ids_used_twice_are_told(home):
    first = load(home, f"{HEADER},trakt_id\n1,movie,A,5\n2,movie,B,5\n3,show,C,5\n")
    stamps = dict(home.rows("select title_id, updated_at from titles"))
    second = load(home, f"{HEADER},trakt_id\n1,movie,A,5\n2,movie,New,5\n")

    assert "movie 5: 1, 2" in first.err
    assert "show" not in first.err
    assert second.out.startswith("2 titles read, 1 new or changed")
    after = dict(home.rows("select title_id, updated_at from titles"))
    assert after["1"] == stamps["1"]
    assert after["2"] > stamps["2"]
    assert set(after) == {"1", "2", "3"}


def test_map_and_replace(home):
    load(home, f"{HEADER}\n1,movie,A\n2,movie,B\n")

    result = load(home, "id,kind,label\n2,movie,B\n", "--map", "title_id=id", "--map", "name=label", "--replace")

    assert result.code == 0, result.err
    assert home.rows("select title_id from titles") == [("2",)]


def test_a_view_as_catalogue_is_not_filled(home):
    load(home, f"{HEADER}\n1,movie,A\n")
    home.change("alter table titles rename to own_titles")
    home.change("create view titles as select * from own_titles")

    assert load(home, f"{HEADER}\n2,movie,B\n").code == 2
