"""One way to open DuckDB (in memory, in UTC, blind to Python's variables), and to read and write files with it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from importlib import resources
from itertools import count
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import StorageError
from pipeline.meanings import dataset_of, metadata
from pipeline.storage import Storage

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")
R = TypeVar("R")
# A column with more different values than this in a row group, names for one, is not worth a dictionary: to find that out
# later would cost a fifth of the writing.
DICTIONARY = 4_000
_numbers = count()
_starting = threading.Lock()


@contextmanager
def open_duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database of its own, gone on leaving; `StorageError` where a file cannot be read or written.

    A Ctrl-C in the middle of a statement stops it, and is a `KeyboardInterrupt` as anywhere else.
    """
    import duckdb

    instance = _instance()
    room = f"room_{next(_numbers)}"
    connection = instance.cursor()
    try:
        connection.execute(f"attach ':memory:' as {room}; use {room}; set timezone = 'UTC'")
        with _stoppable(connection):
            yield connection
    except duckdb.IOException as error:
        raise StorageError(str(error).splitlines()[0], "Look at DATA_URL, then: trakt-import resume") from error
    except (RuntimeError, duckdb.Error) as error:
        said = str(error).strip()
        if said.startswith(("Query interrupted", "INTERRUPT Error")) or said.endswith("KeyboardInterrupt:"):
            raise KeyboardInterrupt from None
        raise
    finally:
        connection.close()
        with suppress(duckdb.Error):
            instance.cursor().execute(f"detach {room}")


def warm_up() -> None:
    """Load and start DuckDB in a thread aside, for whoever needs it soon."""
    threading.Thread(target=_instance, name="duckdb", daemon=True).start()


def _instance() -> duckdb.DuckDBPyConnection:
    with _starting:
        return _started(os.getpid())


@cache
def _started(process: int) -> duckdb.DuckDBPyConnection:
    """DuckDB of this process (a forked one needs its own): to start and to stop it takes 20 to 40 ms."""
    return new_connection()


@contextmanager
def _stoppable(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let a Ctrl-C reach DuckDB's own threads, which would work on to the end of what they are at."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        connection.interrupt()
        before(number, frame)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def beside(connection: duckdb.DuckDBPyConnection) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """One more connection, for another thread to enter: it sees what `connection` has made; what it makes is its own."""
    return _beside(connection, connection.execute("select current_database()").fetchall()[0][0])


@contextmanager
def _beside(connection: duckdb.DuckDBPyConnection, home: str) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    aside, room = connection.cursor(), f"room_{next(_numbers)}"
    aside.execute(f"attach ':memory:' as {room}; set search_path = '{room}.main,{home}.main'; set timezone = 'UTC'")
    try:
        yield aside
    finally:
        with suppress(duckdb.Error):
            aside.execute(f"use {home}; detach {room}")
        aside.close()


def side_by_side(
    connection: duckdb.DuckDBPyConnection,
    work: Callable[[duckdb.DuckDBPyConnection, T], R],
    items: Sequence[T],
    at_once: int,
) -> list[R]:
    """What `work` gives for each item, so many at once, each with a connection `beside`."""
    import duckdb

    asides: list[duckdb.DuckDBPyConnection] = []

    def alone(opening: AbstractContextManager[duckdb.DuckDBPyConnection], item: T) -> R:
        with opening as aside:
            asides.append(aside)
            return work(aside, item)

    openings = [beside(connection) for _ in items]
    with ThreadPoolExecutor(at_once, thread_name_prefix="duckdb") as pool:
        futures = [pool.submit(alone, *each) for each in zip(openings, items, strict=True)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            for aside in asides:
                with suppress(duckdb.ConnectionException):  # it is done
                    aside.interrupt()
            raise


def new_connection() -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own, for a taker with settings of its own, who closes it."""
    import duckdb

    # An unknown table name must fail, not be looked up among Python's variables. To checkpoint what is in memory only, which
    # DuckDB does after every 16 MB written, would cost a fifth of transform's time.
    connection = duckdb.connect(config={"python_enable_replacements": False, "checkpoint_threshold": "1 TB"})
    connection.execute("set timezone = 'UTC'")
    return connection


def run_script(connection: duckdb.DuckDBPyConnection, package: str, name: str, **parts: str) -> None:
    """Run the statements of `<name>.sql` of a package; `parts` are put in where the file says `{part}`."""
    sql = sql_of(package, name)
    connection.execute(sql.format(**parts) if parts else sql)


def sql_of(package: str, name: str) -> str:
    """The text of `<name>.sql` of a package."""
    return resources.files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def parquet(storage: Storage, names: Sequence[str], *, alike: bool = False) -> str:
    """The files as a relation; a column that an older file lacks reads as null, unless all are `alike` (quicker)."""
    files = ", ".join(quoted(storage.path(name)) for name in names)
    return f"read_parquet([{files}], union_by_name = {str(not alike).lower()}, hive_partitioning = false)"


def copy_to(
    connection: duckdb.DuckDBPyConnection, storage: Storage, query: str, name: str, compression: str = "snappy"
) -> None:
    """Write what a query gives as one Parquet file that says what its columns mean, whole or not at all.

    No column may be an enumeration: DuckDB 2.0, in several threads, now and then writes '' for a word of one.
    """
    dataset = dataset_of(name)
    told = ", ".join(f"{key}: {quoted(text)}" for key, text in metadata(dataset).items()) if dataset else ""
    options = f"format parquet, compression {compression}, dictionary_size_limit {DICTIONARY}"
    if told:
        options += f", kv_metadata {{{told}}}"
    with storage.writing(name) as path:
        connection.execute(f"copy ({query}) to {quoted(path)} ({options})")


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
