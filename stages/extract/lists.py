"""The endpoints of one profile, each with its reader: what reading them has in common, in full or in part."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from pipeline.errors import RateLimited, Unavailable
from pipeline.storage import Storage
from stages.extract import judgement, witness
from stages.extract.client import Answer, Refused
from stages.extract.earlier import Changed
from stages.extract.endpoints import ENDPOINTS, HISTORY, LARGEST_PAGE, LISTS, STATS, WATCHING, Endpoint, TitleKey
from stages.extract.paging import read_again, read_all, together
from stages.extract.reader import Desk, Reader
from stages.extract.source import Asked


class Lists:
    """One reading of one profile; `before` is what earlier ones left, `dates` what `extended=min` tells of the plays."""

    def __init__(self, desk: Desk, user_path: str, before: judgement.Before) -> None:
        self.desk = desk
        self.before = before
        self.readers = {endpoint.name: Reader(endpoint, user_path, desk) for endpoint in ENDPOINTS}
        self.stats_known = asyncio.Event()
        self.dates: dict[TitleKey, int] = {}

    @property
    def stats(self) -> Any:
        """Trakt's own figures of the user; None where they were refused, or not read."""
        rows = self.readers[STATS.name].rows
        return rows[0] if rows else None

    async def keep(self, endpoint: Endpoint, answer: Answer) -> None:
        """Stage an answer that somebody else has asked for."""
        reader = self.readers[endpoint.name]
        reader.outcome = "read"
        page, _ = await reader.keep(answer, reader.next_number(), Asked())
        reader.reading.note(page)

    def everything(self) -> list[Coroutine[Any, Any, None]]:
        """All but the profile, side by side."""
        reads = [self._read_and_prove(self.readers[endpoint.name]) for endpoint in LISTS]
        return [self._read_stats(), *reads, self.ending(self.readers[WATCHING.name].ask_once(), WATCHING)]

    async def ending(self, work: Coroutine[Any, Any, None], endpoint: Endpoint) -> None:
        """One endpoint's refusal or failure is its own: the others go on."""
        reader = self.readers[endpoint.name]
        try:
            await work
        except Refused as refusal:
            reader.refuse(refusal)
        except (Unavailable, RateLimited) as failure:
            reader.fail(failure)

    async def read_list(self, reader: Reader) -> None:
        """A list to its end, and what its counts say is missing once more."""
        await self.ending(self._read_and_compare(reader), reader.endpoint)

    async def follow_up(self) -> None:
        """What history lacks by the plays of its titles is asked for title by title, else by its own count."""
        history = self.readers[HISTORY.name]
        if history.outcome == "read":
            titles = self._titles_to_ask()
            work = self._read_titles(history, titles) if titles else self._read_missing(history)
            await self.ending(work, HISTORY)

    async def settle(self, storage: Storage) -> None:
        """Not before every page is there for good may an event say so; raises what an endpoint failed of."""
        await self.desk.all_staged()
        for reader in self.readers.values():
            if reader.failure is not None:
                raise reader.failure
        source = self.desk.source.result()
        folders = [source.folder(name) for name in (*self.readers, "rejected")]
        await together(*(self.desk.aside(storage.settle, folder) for folder in folders))

    async def _read_stats(self) -> None:
        await self.ending(self.readers[STATS.name].ask_once(), STATS)
        self.stats_known.set()

    async def _read_and_prove(self, reader: Reader) -> None:
        await self.read_list(reader)
        if reader.endpoint.name in witness.SHAPES and reader.outcome == "read" and not reader.all_recalled:
            self.dates |= await witness.ask(self.desk.client, reader.user_path, reader.endpoint)

    async def _read_and_compare(self, reader: Reader) -> None:
        try:
            await self._read_all(reader)
        except Changed:
            await self._read_all(reader)
        if reader.endpoint is HISTORY and reader.distinct:
            return
        await self.stats_known.wait()
        if not reader.distinct and judgement.counted(reader.endpoint, self.stats):
            # Counts lag down to none, and a page may be empty: of rows that Trakt counts the next page may have some.
            await self._read_all(reader, first=2)
        if reader.endpoint is not HISTORY:
            await self._read_missing(reader)

    async def _read_all(self, reader: Reader, first: int = 1) -> None:
        endpoint, limit = reader.endpoint, reader.endpoint.limit or LARGEST_PAGE
        await read_all(reader.ask, limit, reader.reading, first, newest_first=endpoint.newest_first)

    async def _read_missing(self, reader: Reader) -> None:
        missing = judgement.shortages(reader, self.stats)
        # A shortage that was there last time, to the row, was asked about then.
        if any(doubt not in self.before.doubts for doubt in missing) or judgement.may_hide_rows(reader):
            await read_again(reader.ask, reader.endpoint.limit or LARGEST_PAGE, reader.reading)

    def _titles_to_ask(self) -> list[tuple[TitleKey, int]]:
        """The titles, each with the number of pages that its plays fill; no more pages than history took."""
        left = self.readers[HISTORY.name].reading.requests
        chosen = []
        for title, own, seen in judgement.short_titles(self.readers):
            pages = -(-own // LARGEST_PAGE)
            if title[1] != "trakt" or judgement.title_doubt(self.readers, title, own, seen) in self.before.doubts:
                continue
            if pages <= left:
                left -= pages
                chosen.append((title, pages))
        return chosen

    async def _read_titles(self, history: Reader, titles: list[tuple[TitleKey, int]]) -> None:
        await together(
            *(
                history.ask(page, LARGEST_PAGE, f"/{kind}s/{number}")
                for (kind, _, number), pages in titles
                for page in range(1, pages + 1)
            )
        )
