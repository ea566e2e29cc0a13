"""The report as one HTML page: nothing outside of it is needed, on a screen or on paper."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.events import Extracted, ImportRequested, Loaded
from pipeline.storage import Storage
from stages.report.lines import as_csv
from stages.report.titles import titles_of

if TYPE_CHECKING:
    from jinja2 import Template

# What a list is called, and what is to be done about it; in the order of the page.
LISTS = {
    "rejected": ("Records that could not be read", "Set aside with their JSON as received; everything around them came over."),
    "conflicts": ("Ids that point to different titles", "The first id in the order Trakt, IMDb, TMDB, TVDB has decided."),
    "ambiguous": ("Ids that several catalogue titles bear", "The first by title id was taken. One of them is probably a duplicate."),
    "merged": ("Trakt titles that are one catalogue title", "They became one entry, their plays added."),
    "newly_matched": ("Newly matched", "Not in the catalogue at the last import."),
    "moved": ("Moved", "Another catalogue title now than at the last import."),
    "kept": ("Kept as the application has it", "Changed on both sides, and the change here is the newer one."),
    "gone": ("No longer on Trakt", "Kept all the same; an import with --prune removes what nobody changed."),
}  # fmt: skip


def write_page(
    result: dict[str, Any], requested: ImportRequested, extracted: Extracted, loaded: Loaded, *, storage: Storage
) -> str:
    """Write `reports/<run_id>.html`; its full path. `result` is the report as `report` gave it."""
    missing = result["not_in_catalogue"]
    every = result | result["titles"]
    html = _template().render(
        report=result,
        requested=requested,
        user=extracted.trakt_username,
        slug=extracted.trakt_slug,
        loaded=loaded,
        titles=titles_of(storage, loaded),
        missing_csv=quote(as_csv(missing)),
        lists=[(key, *told, every[key], _columns(every[key])) for key, told in LISTS.items() if every[key]],
        wrong=[equation for equation in result["equations"] if not equation["balanced"]],
    )
    name = f"reports/{extracted.run_id}.html"
    storage.write(name, html.encode())
    return storage.path(name)


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """The columns that say anything."""
    return [name for name in rows[0] if any(row[name] not in (None, "", []) for row in rows)] if rows else []


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("stages.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:,}"
    environment.filters["spaced"] = lambda name: str(name).replace("_", " ")
    environment.filters["when"] = lambda at: str(at).replace("T", " ").replace("Z", " UTC")
    return environment.get_template("page.html")
