"""What a run staged before it was interrupted answers its questions a second time.

The files are the truth: each says in its metadata what was asked and what the headers announced. A list is read by
the same rules as ever, and asks only for what is not there.
"""

from __future__ import annotations

from collections import defaultdict, deque

from stages.extract.paging import Page
from stages.extract.source import Asked


class Changed(Exception):
    """A list is not what it was when the run was interrupted: it is to be read anew."""


class Earlier:
    """The staged answers of one list, each to be taken once, those to the same question in their order.

    `limit` is the size of the pages in which the list is read first. Its pages without a gap from the first on can
    be built upon; the last of them with rows is where a reading goes on (`joint`).
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._pages: dict[Asked, deque[Page]] = defaultdict(deque)
        self._files: dict[int, tuple[int, int]] = {}
        self._unbroken = 0

    def add(self, number: int, asked: Asked, page: Page) -> None:
        """The answer in file `number`."""
        self._pages[asked].append(page)
        if asked == Asked(asked.page, self._limit or 1):
            self._files[asked.page] = number, page.items
        while self._unbroken + 1 in self._files:
            self._unbroken += 1

    def take(self, asked: Asked) -> Page | None:
        """The answer to a question, None where it has to be asked."""
        pages = self._pages.get(asked)
        return pages.popleft() if pages else None

    def ends_before(self, asked: Asked) -> bool:
        """Whether the answer, staged or not, lies beyond what was read without a gap, and nobody has looked yet."""
        if self._limit is None or not self._pages:
            return False
        beyond = asked == Asked(asked.page, self._limit) and asked.page > self._unbroken
        return beyond or not self._pages.get(asked)

    def joint(self) -> tuple[int, int] | None:
        """The last page with rows of those without a gap, and the file that it lies in; None without any."""
        for page in range(self._unbroken, 0, -1):
            number, items = self._files[page]
            if items:
                return page, number
        return None

    def settle(self) -> None:
        """What was read fits what there is now: the rest may be taken as it lies."""
        self._limit = None

    def drop(self) -> None:
        """Nothing more of it is to be taken."""
        self._pages.clear()
