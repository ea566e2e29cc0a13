"""The catalogue: what a file may look like, and what is told of one that cannot be used."""

from __future__ import annotations

import gzip

import pytest

from tests.sandbox.accounts import make_account

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
        (f"{HEADER},trakt_id\n1,movie,A,7.0\n2,movie,B,7.5\n", 3, "trakt_id is 7.5"),
        (f"{HEADER}, Name \n1,movie,A,B\n", 1, "column name stands there twice"),
        (f'{HEADER}\n\n1,movie,"A\r\nB"\n\n2,film,B\n', 6, "film"),
        (HEADER.encode() + b"\n1,movie,A\n2,movie,\xff\xfe\n", 3, "not UTF-8"),
    ],
)
def test_a_bad_file_is_refused_whole_naming_line_and_reason(home, content, line, reason):
    load(home, f"{HEADER}\nkept,movie,Kept\n", name="good.csv")

    result = load(home, content)

    assert result.code == 2
    assert f"titles.csv, line {line}: " in result.err
    assert reason in result.err
    assert home.rows("select title_id from titles") == [("kept",)]


def test_a_column_that_is_mapped_twice_is_refused(home):
    result = load(home, "id,kind,t\n1,movie,A\n", "--map", "name=t", "--map", "title_id=id", "--map", "name=id")

    assert result.code == 2
    assert "name" in result.err


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


def test_a_mapped_file_without_title_ids_is_matched_by_its_ids(home):
    load(home, f"{HEADER},trakt_id,imdb_id,tmdb_id\nown,movie,Own,7,,70\nother,movie,Other,8,tt0000008,\n")
    maps = [f"--map={ours}={theirs}" for ours, theirs in {"name": "Title", "imdb_id": "Const", "kind": "Type"}.items()]

    result = load(
        home,
        "Const,Type,Title,trakt_id,tmdb_id\n"
        "tt0000007,Movie,Known,7,71\n"  # gets the id it lacks, keeps its name and the one it has
        "tt0000008,Movie,Torn,7,\n"
        "TT0000009,TV Series,New,9,\n"
        "tt0000010,TV Mini Series,By IMDb,,\n"
        "tt0000010,TV Mini Series,Again,,\n"
        ",Movie,Nameless,,0\n",
        *maps,
        name="theirs.csv",
    )

    assert result.code == 0, result.err
    assert result.out == "6 titles read, 2 known before, 3 new or changed\n"
    assert "line 3: its ids are those of own and of other" in result.err
    assert "line 6: the same title as an earlier line" in result.err
    assert "line 7: Nameless has no id to know it by" in result.err
    assert home.rows("select title_id, kind, name, trakt_id, imdb_id, tmdb_id from titles order by title_id") == [
        ("imdb-show-tt0000010", "show", "By IMDb", None, "tt0000010", None),
        ("other", "movie", "Other", 8, "tt0000008", None),
        ("own", "movie", "Own", 7, "tt0000007", 70),
        ("trakt-show-9", "show", "New", 9, "tt0000009", None),
    ]


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        ("kind,name,imdb_id\nmovie,A,tt0000001\n", [], "no column title_id"),
        ("name,Const\nA,tt0000001\n", ["--map", "imdb_id=Const"], "no column kind"),
        ("kind,name,Const\nTV Episode,A,tt1\n", ["--map", "imdb_id=Const"], "kind is TV Episode, not movie or show"),
        ("kind,name,Const\nmovie,A,tt1\n", ["--map", "imdb_id=Const", "--replace"], "--replace with a file without"),
    ],
)
def test_a_file_without_title_ids_needs_a_map_and_all_that_a_title_is(home, content, options, reason):
    result = load(home, content, *options)

    assert result.code == 2
    assert reason in result.err


def test_a_view_as_catalogue_is_not_filled(home):
    load(home, f"{HEADER}\n1,movie,A\n")
    home.change("alter table titles rename to own_titles")
    home.change("create view titles as select * from own_titles")

    assert load(home, f"{HEADER}\n2,movie,B\n").code == 2


def test_columns_that_a_file_lacks_stay_and_an_id_shared_with_a_title_outside_the_file_is_told(home):
    load(home, f"{HEADER},year,trakt_id\n1,movie,A,1999,5\n2,movie,B,2000,6\n")

    result = load(home, f"{HEADER},trakt_id\n1,movie,A2,6\n")

    assert home.rows("select name, year, trakt_id from titles order by title_id") == [("A2", 1999, 6), ("B", 2000, 6)]
    assert "trakt_id movie 6: 1, 2" in result.err


BASICS = "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres"


def basics(home, *rows):
    lines = [BASICS.split(), *([*row, *["\\N"] * (9 - len(row))] for row in rows)]
    text = "".join("\t".join(line) + "\n" for line in lines)
    (home.path / "title.basics.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return home.call("catalog", "load", "title.basics.tsv.gz")


def test_imdb_adds_films_and_series_and_leaves_known_titles_as_they_are(home):
    load(home, f"{HEADER},year,imdb_id\n1,movie,My name,,TT0000001\n2,movie,Other,1990,tt0000003\n")

    first = basics(
        home,
        ["tt0000001", "movie", "Their name", "x", "0", "1950"],
        ["tt0000002", "tvEpisode", "An episode", "x", "0", "1951"],
        ["tt0000003", "tvSeries", 'A "show', "x", "0", "\\N"],
        ["tt0000004", "tvMiniSeries", "Mini", "x", "0", "2001"],
        ["tt0000005", "tvMovie", "Film", "x", "0", "2002"],
    )
    before = home.rows("select * from titles order by title_id")
    again = basics(home, ["tt0000001", "movie", "x"], ["tt0000005", "tvMovie", "Film, renamed", "x", "0", "2002"])

    assert first.code == again.code == 0, first.err + again.err
    assert first.out == "4 titles read, 1 known before, 4 new or changed\n"
    assert "left alone: tt0000003 is a show at IMDb; in the catalogue, 2 is a movie" in first.err
    assert [row[:4] for row in before] == [
        ("1", "movie", "My name", 1950),
        ("2", "movie", "Other", 1990),
        ("imdb-movie-tt0000005", "movie", "Film", 2002),
        ("imdb-show-tt0000003", "show", 'A "show', None),
        ("imdb-show-tt0000004", "show", "Mini", 2001),
    ]
    changed = [row for row in home.rows("select * from titles order by title_id") if row not in before]
    assert [row[:3] for row in changed] == [("imdb-movie-tt0000005", "movie", "Film, renamed")]


def test_movielens_gives_known_movies_the_ids_they_lack_and_nothing_else(home):
    load(
        home,
        f"{HEADER},imdb_id,tmdb_id\n1,movie,A,tt0114709,\n2,movie,B,,8844\n3,movie,C,tt0113228,1\n"
        "4,show,D,tt0114885,\n5,movie,E,tt12345678,\n6,movie,F,,77\n",
    )
    links = (
        "movieId,imdbId,tmdbId\n1,0114709,862\n2,0113497,8844\n3,0113228,15602\n4,0114885,31357\n5,12345678,77\n6,,\n"
    )
    (home.path / "links.csv").write_text(links)

    result = home.call("catalog", "load", "links.csv")

    assert result.code == 0, result.err
    assert result.out == "6 titles read, 4 known before, 2 new or changed\n"
    assert home.rows("select title_id, imdb_id, tmdb_id from titles order by title_id") == [
        ("1", "tt0114709", 862),
        ("2", "tt0113497", 8844),
        ("3", "tt0113228", 1),
        ("4", "tt0114885", None),
        ("5", "tt12345678", None),
        ("6", None, 77),
    ]
    assert result.err.splitlines() == [
        "left alone: line 4: 3 has tmdb 1, not 15602",
        "left alone: line 6: tt12345678 is 5, tmdb 77 is 6",
    ]


@pytest.mark.parametrize(
    ("name", "form", "content", "reason"),
    [
        ("links.csv", "auto", b"movieId,imdbId,tmdbId\n1,0114709,x\n", "links.csv, line 2: "),
        ("links.csv", "auto", b"movieId,imdbId,tmdbId\n1,0114709\n", "links.csv, line 2: "),
        ("other.csv", "movielens", b"a,b\n", "line 1: no column movieId, imdbId, tmdbId"),
        ("x.tsv.gz", "imdb", b"no gzip", "line 1: it cannot be read"),
        ("x.tsv.gz", "imdb", gzip.compress((BASICS.replace(" ", "\t") + "\ntt0000001\tmovie\n").encode()), "line 2: "),
        ("x.tsv.gz", "imdb", gzip.compress((BASICS.replace(" ", "\t") + "\n").encode() * 9000)[:-20], "x.tsv.gz"),
    ],
)
@pytest.mark.one_database
def test_a_bad_file_of_others_is_refused_whole(home, name, form, content, reason):
    (home.path / name).write_bytes(content)

    result = home.call("catalog", "load", name, "--format", form)

    assert result.code == 2
    assert reason in result.err
    assert home.rows("select count(*) from titles") == [(0,)]


def test_check_tells_coverage_doubles_and_what_the_users_lack(home, served):
    account = make_account("otter", movies=20, shows=5, plays=200)
    served(account, missing=3)
    home.call("run", "otter")
    wanted = home.call("query", "select trakt_id, kind from unmatched_titles limit 1", "--format", "json").json[0]
    load(
        home,
        f"{HEADER},year,trakt_id,imdb_id\nnew,{wanted['kind']},New,,{wanted['trakt_id']},\n"
        "a,movie,Twin,1999,990001,tt9\nb,movie,twin,1999,990001,\n",
    )

    result = home.call("catalog", "check")

    assert result.code == 0, result.err
    assert "  trakt_id movie 990001: a, b" in result.out
    assert "  movie twin (1999): a, b" in result.out
    assert "imdb_id: 1 titles have one that can never match" in result.out
    assert "3 different titles are missing" in result.out
    assert "1 of these are in the catalogue by now" in result.out


def test_title_ids_of_another_type_are_filled_and_new_titles_told(home):
    if home.database.name == "sqlite":
        pytest.skip("SQLite keeps ids as text")
    home.change(
        "create table titles (title_id bigint primary key, kind text not null, name text not null, year bigint, trakt_id bigint, "
        "imdb_id text, tmdb_id bigint, tvdb_id bigint, aired_episodes bigint, updated_at timestamptz)"
    )
    load(home, f"{HEADER},imdb_id\n7,movie,A,tt0000001\n8,movie,B,tt0000001\n")

    result = basics(
        home, ["tt0000001", "movie", "A", "A", "0", "1950"], ["tt0000002", "tvSeries", "New", "New", "0", "1951"]
    )

    assert result.code == 0, result.err
    assert result.out == "2 titles read, 1 known before, 1 new or changed\n"
    assert "left alone: 1 titles are not in the catalogue, whose title_id is not text" in result.err
    assert "an id used twice: imdb_id movie tt0000001: 7, 8" in result.err
    assert home.rows("select title_id, year from titles order by title_id") == [(7, 1950), (8, None)]
    assert home.call("catalog", "check").code == 0
