"""Rows are made in a thread aside, while the database is at those before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.duck import beside

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# So many rows are made at a time, and so many such parts wait at most to be taken.
ROWS, WAITING = 8192, 8


@contextmanager
def ahead(
    connection: duckdb.DuckDBPyConnection, queries: Sequence[str]
) -> Iterator[Callable[[], Iterator[pa.RecordBatchReader]]]:
    """What the queries give, one after another, each to be read to its end; the making begins at once.

    Each call gives all of it, from the first row on: a transaction may have to be tried again.
    """
    import pyarrow as pa

    if not queries:
        yield lambda: iter(())
        return
    with beside(connection) as aside, ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:

        def begin() -> Callable[[], Any]:
            parts = _parts(aside, queries)
            waiting = deque(pool.submit(next, parts, None) for _ in range(WAITING))

            def take() -> Any:
                waiting.append(pool.submit(next, parts, None))
                return waiting.popleft().result()

            return take

        def readers() -> Iterator[pa.RecordBatchReader]:
            take = begun.pop() if begun else begin()
            for _ in queries:
                yield pa.RecordBatchReader.from_batches(take(), iter(take, None))

        begun = [begin()]
        try:
            yield readers
        finally:
            pool.shutdown(cancel_futures=True)


def _parts(
    connection: duckdb.DuckDBPyConnection, queries: Sequence[str]
) -> Iterator[pa.Schema | pa.RecordBatch | None]:
    """Of each query the schema, the rows, and None."""
    for query in queries:
        rows = connection.sql(query).to_arrow_reader(ROWS)
        yield rows.schema
        yield from rows
        yield None
