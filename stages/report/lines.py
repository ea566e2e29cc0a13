"""The report as lines for a terminal or a mail."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SHOWN = 50
IDS = {"trakt": "Trakt id", "imdb": "IMDb id", "tmdb": "TMDB id", "tvdb": "TVDB id", "added": "added"}
CSV = ("title_id", "kind", "name", "year", "trakt_id", "imdb_id", "tmdb_id", "tvdb_id")


def as_csv(missing: Iterable[Mapping[str, Any]]) -> str:
    """The titles that the catalogue lacks, as `catalog load` takes them once `title_id` is filled in."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(missing)
    return out.getvalue()


def text(result: dict[str, Any]) -> str:
    """The report as lines for a terminal or a mail."""
    lines = [f"Report of run {result['run_id']}", ""]
    titles = result["titles"]
    if titles["unchanged_since"]:
        lines += [f"Nothing has changed on Trakt since run {titles['unchanged_since']}: its rows stand.", ""]
    if result["endpoints"]:
        lines.append(
            f"{'endpoint':<18}{'requests':>9}{'announced':>11}{'stats':>8}{'fetched':>9}{'staged':>8}{'rejected':>10}{'twice':>7}"
        )
    for read in result["endpoints"]:
        announced, counted = ("-" if read[name] is None else read[name] for name in ("announced_items", "counted"))
        lines.append(
            f"{read['endpoint']:<18}{read['requests']:>9}{announced:>11}{counted:>8}{read['fetched']:>9}{read['staged']:>8}"
            f"{read['rejected']:>10}{read['duplicates']:>7}"
            + ("" if read["outcome"] == "read" else f"  {read['outcome']}")
        )
    lines += [""] if result["endpoints"] else []
    lines += [
        f"{'table':<18}{'inserted':>9}{'updated':>9}{'unchanged':>11}{'kept':>6}{'left alone':>12}{'deleted here':>14}{'gone':>6}",
    ]
    for name, counts in result["tables"].items():
        lines.append(
            f"{name:<18}{counts['inserted']:>9}{counts['updated']:>9}{counts['unchanged']:>11}{counts['kept']:>6}"
            f"{counts['left_alone']:>12}{counts['deleted_here']:>14}{counts['gone']:>6}"
        )
    lines += [
        "",
        f"{titles['titles']} titles: {titles['imported']} imported, {titles['skipped']} skipped, "
        f"{titles['not_in_catalogue']} not in the catalogue; {titles['rejected_records']} records could not be read",
    ]
    if titles["matched_by"]:
        counts = ", ".join(f"{IDS.get(name, name)} {count}" for name, count in titles["matched_by"].items())
        lines.append(f"matched by: {counts} (each title: --format html or json)")
    headings = {
        "not_in_catalogue": "Not in the catalogue (fill in title_id and load with: trakt-import catalog load FILE)",
        "conflicts": "Ids that point to different titles",
        "ambiguous": "Ids that several catalogue titles bear",
        "merged": "Trakt titles that are one catalogue title",
        "newly_matched": "Newly matched: not in the catalogue at the last import",
        "moved": "Moved to another catalogue title since the last import",
        "rejected": "Records that could not be read",
        "kept": "Kept as the application has it",
        "gone": "No longer on Trakt",
        "doubts": "Doubts",
    }
    lists = titles | result
    for key, heading in headings.items():
        rows = lists[key]
        if not rows:
            continue
        lines += ["", f"{heading}: {len(rows)}"]
        if key == "not_in_catalogue":
            lines += as_csv(rows).splitlines()
        else:
            lines += [f"  {LINES.get(key, _any)(row)}" for row in rows[:SHOWN]] + _more(rows)
    wrong = [equation for equation in result["equations"] if not equation["balanced"]]
    lines.append("")
    if wrong:
        lines.append("IT DOES NOT BALANCE:")
        for equation in wrong:
            lines.append(f"  {equation['name']}: {equation['left']} is not {equation['right']}")
            lines += [f"    {row}" for row in equation.get("rows", [])[:SHOWN]] + _more(equation.get("rows", []))
    else:
        lines.append(f"All {len(result['equations'])} equations balance.")
    return "\n".join(lines)


def _more(rows: Sequence[object]) -> list[str]:
    return [f"  … and {len(rows) - SHOWN} more (--format json has them all)"] if len(rows) > SHOWN else []


def _any(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items() if value not in (None, "", []))


def _rejected(row: Mapping[str, Any]) -> str:
    """`ratings, page 1, position 0: no usable rating`, and the record as it came."""
    path = f", {row['path']}" if row["path"] else ""
    path += f" of {row['parent']}" if row.get("parent") else ""
    return (
        f"{row['endpoint']}, page {row['page']}, position {row['position']}{path}: {row['reason']}\n      {row['raw']}"
    )


def _doubt(row: Mapping[str, Any]) -> str:
    title = f"{row['title']}: " if row.get("title") else ""
    return f"{row['endpoint'].replace('_', ' ')}: {title}{row['text']}"


def _gone(row: Mapping[str, Any]) -> str:
    """`watches: Heat, 2x05, play 123`."""
    return f"{row['table'].replace('_', ' ')}: {_place(row)}"


def _place(row: Mapping[str, Any]) -> str:
    place = str(row["name"] or row["title_id"])
    if row["season"] is not None:
        place += f", season {row['season']}" if row["episode"] is None else f", {row['season']}x{row['episode']:02}"
    return place if row["history_id"] is None else f"{place}, play {row['history_id']}"


def _kept(row: Mapping[str, Any]) -> str:
    """`Heat, season 2: score stays 3 (2026-01-02), Trakt says 7 (2025-12-30): the change here is newer`."""
    place = _place(row)
    if row["column"] is None:
        return f"{place}: stays, {row['why']}"
    here, there = (f" ({row[at]})" if row[at] else "" for at in ("ours_at", "theirs_at"))
    theirs = "nothing" if row["theirs"] is None else row["theirs"]
    ours = "empty" if row["ours"] is None else row["ours"]
    return f"{place}: {row['column']} stays {ours}{here}, Trakt says {theirs}{there}: {row['why']}"


# How a row of a list reads; the others name their columns.
LINES = {"rejected": _rejected, "kept": _kept, "gone": _gone, "doubts": _doubt}
