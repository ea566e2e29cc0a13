"""When a profile that is read incrementally is read in full again: spread over the nights, each at its turn."""

from __future__ import annotations

import datetime as dt
import math
from zlib import crc32

DAY = 86_400.0


def full_read_due(slug: str, full_read_at: str, now: float, every: int) -> bool:
    """Whether it is time: at least every so many days, never where less than half of them have passed.

    Every profile has a night of its own among `every`. One that was last read in full on another night (a first
    import) is led there over two shorter spans, so that those who came together do not stay together.
    """
    last = dt.datetime.fromisoformat(full_read_at).timestamp()
    age = (now - last) / DAY
    if every <= 1:
        return age >= every / 2
    half = math.ceil(every / 2)
    ahead = (crc32(slug.encode()) - int(last // DAY)) % every
    wait = ahead if ahead >= half else min(every, ahead + half) if ahead else every
    # Half a day less: the nights do not begin to the second.
    return age >= every / 2 and age >= wait - 0.5
