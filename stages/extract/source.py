"""Where the files of a run go, what all their rows bear, and what each file says of its request."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pipeline.storage import Storage


class Source(NamedTuple):
    """The folder, the profile's slug and the run."""

    storage: Storage
    slug: str
    run_id: str

    def folder(self, dataset: str) -> str:
        """Where the files of an endpoint lie, or, of `rejected`, what could not be read of all of them."""
        return f"staged/{dataset}/user={self.slug}/run={self.run_id}"

    def file(self, endpoint: str, number: int) -> str:
        """The file of the answer to request `number` of an endpoint."""
        return f"{self.folder(endpoint)}/page-{number:05}.parquet"

    def rejected(self, endpoint: str, number: int) -> str:
        """The file of what could not be read of that answer."""
        return f"{self.folder('rejected')}/{endpoint}-{number:05}.parquet"


def slug_of(name: str) -> str:
    """The slug under which a staged file lies."""
    return name.split("/")[2].removeprefix("user=")


class Asked(msgspec.Struct, frozen=True):
    """What was asked for: a page of so many rows, of the endpoint's own path or one below it.

    `again` says that the answer was asked for to see whether the list has changed, and answers no other question.
    """

    page: int = 1
    limit: int = 1
    below: str = ""
    again: bool = False


class Told(msgspec.Struct, frozen=True):
    """How many items came, and what the headers announced: rows in a page, pages, rows; None without a header."""

    items: int
    limit: int | None = None
    pages: int | None = None
    rows: int | None = None


class Request(msgspec.Struct, frozen=True):
    """What stands in the metadata of a staged file, under `REQUEST`: enough to go on with a reading later."""

    asked: Asked
    told: Told


REQUEST = "trakt_import_request"
