"""The floor of every fetch: the same pages asked for with bare httpx, as many at once, and thrown away.

`python -m tests.bench.bare URL SLUG` is the floor of a whole import: the start of a process and that.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

# One list each: path below the user, parameters, rows per page (0: not paged).
LISTS: tuple[tuple[str, dict[str, str], int], ...] = (
    ("/history", {}, 250),
    ("/watched/shows", {"extended": "progress", "specials": "true"}, 100),
    ("/watched/movies", {}, 250),
    ("/ratings", {}, 250),
    ("/watchlist", {}, 250),
    ("/collection/movies", {"extended": "metadata"}, 250),
    ("/collection/shows", {"extended": "metadata"}, 250),
    ("", {}, 0),
    ("/stats", {}, 0),
    ("/watching", {}, 0),
)
HEADERS = {
    "trakt-api-key": "bare",
    "trakt-api-version": "2",
    "content-type": "application/json",
    "user-agent": "bare/1",
}


async def fetch(url: str, slug: str, at_once: int = 16) -> int:
    """Every page of every list, at most so many at once; how many requests it took."""
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    import httpx

    slots, asked = asyncio.Semaphore(at_once), 0
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(base_url=url, headers=HEADERS, limits=limits, verify=False, trust_env=False) as client:

        async def one(path: str, params: dict[str, Any]) -> Any:
            nonlocal asked
            async with slots:
                asked += 1
                response = await client.get(f"/users/{slug}{path}", params=params)
            if response.status_code >= 400:
                raise RuntimeError(f"{path} answered {response.status_code}")
            return response

        async def whole(path: str, params: dict[str, str], limit: int) -> None:
            if not limit:
                await one(path, params)
                return
            first = await one(path, {**params, "page": 1, "limit": limit})
            pages = int(first.headers.get("x-pagination-page-count", 1))
            await asyncio.gather(*(one(path, {**params, "page": page, "limit": limit}) for page in range(2, pages + 1)))

        await asyncio.gather(*(whole(*one_list) for one_list in LISTS))
    return asked


if __name__ == "__main__":
    asyncio.run(fetch(*sys.argv[1:3]))
