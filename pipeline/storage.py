"""Where the files between the rooms lie (`DATA_URL`): a file appears whole or not at all, private to its owner."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StorageError

ASIDE = ".tmp-"
# Holds the rows of all other files of its folder; while they are there still, they count no more.
MERGED = "merged.parquet"


class Storage:
    """Files by their path relative to the root, with forward slashes.

    Every method raises `StorageError` where the file system refuses.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def path(self, name: str) -> str:
        """The full path of `name`, for a reader such as DuckDB."""
        return str(self.root / name)

    @contextmanager
    def writing(self, name: str, *, settled: bool = True) -> Iterator[str]:
        """A path aside to write to; on leaving, the file is synced and takes its name in one step.

        Where it is not to be `settled`, a power cut may take the whole file away again, until its folder is settled.
        """
        with self._replacing(name, settled) as aside:
            yield str(aside)
            _sync(aside, private=True)

    def write(self, name: str, data: bytes | memoryview, *, settled: bool = True) -> None:
        """Write a small file whole, as `writing` does."""
        with self._replacing(name, settled) as aside:
            _write(aside, data)

    @contextmanager
    def _replacing(self, name: str, settled: bool) -> Iterator[Path]:
        """A path aside; on leaving, the file that lies there, private and synced, takes the name."""
        target = self.root / name
        aside = target.with_name(f"{ASIDE}{os.getpid()}-{target.name}")
        try:
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
            yield aside
            aside.replace(target)
            if settled:
                _sync(target.parent)
        except BaseException as error:
            with contextlib.suppress(OSError):  # what refused the writing may refuse this, too
                aside.unlink()
            if isinstance(error, OSError):
                raise _refused(target, error) from error
            raise

    def settle(self, folder: str) -> None:
        """What was written to a folder stays there, whatever happens; without a folder there is nothing to do."""
        try:
            _sync(self.root / folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _refused(self.root / folder, error) from error

    def read(self, name: str) -> bytes:
        """The bytes of a file; `StorageError` where there is none."""
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise _refused(self.root / name, error) from error

    def mapped(self, name: str) -> bytes | mmap.mmap:
        """The bytes of a file, looked at where they lie; `StorageError` where there is none."""
        try:
            with (self.root / name).open("rb") as file:
                # What is empty cannot be mapped.
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""
        except OSError as error:
            raise _refused(self.root / name, error) from error

    def exists(self, name: str) -> bool:
        """Whether the file or folder is there."""
        return (self.root / name).exists()

    def sweep(self, *folders: str) -> None:
        """Remove the files that processes which are gone were writing in these folders."""
        for folder in folders:
            with contextlib.suppress(OSError):  # it is not there, or another thread has swept it
                for file in (self.root / folder).iterdir():
                    if file.name.startswith(ASIDE) and not _is_alive(file.name.removeprefix(ASIDE).partition("-")[0]):
                        file.unlink(missing_ok=True)

    def folders(self, folder: str) -> list[str]:
        """What lies in a folder, each as a path from the root."""
        return [f"{folder}/{name}" for name in self.names(folder)]

    def names(self, folder: str) -> list[str]:
        """The bare names in a folder, sorted, files half-written left out; empty where there is no folder."""
        try:
            return sorted(entry.name for entry in os.scandir(self.root / folder) if not entry.name.startswith(ASIDE))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _refused(self.root / folder, error) from error

    def staged(self, dataset: str, slug: str, run_id: str) -> list[str]:
        """The files of one dataset that one run staged; a profile that was renamed since has them under its old slug."""
        folder = f"staged/{dataset}/user={slug}/run={run_id}"
        if not self.exists(folder) and not any(
            self.exists(f"staged/{other}/user={slug}/run={run_id}") for other in self.names("staged")
        ):
            others = [f"staged/{dataset}/{user}/run={run_id}" for user in self.names(f"staged/{dataset}")]
            folder = next((other for other in others if self.exists(other)), folder)
        return [f"{folder}/{name}" for name in _unmerged(self.names(folder))]

    def walk(self, folder: str) -> Iterator[str]:
        """Every file below a folder, sorted, but for those whose rows a merged file holds."""
        try:
            for place, folders, files in os.walk(self.root / folder, onerror=_raise):
                folders.sort()
                inside = Path(place).relative_to(self.root).as_posix()
                yield from (f"{inside}/{name}" for name in _unmerged(sorted(files)) if not name.startswith(ASIDE))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _refused(self.root / folder, error) from error

    def remove(self, name: str) -> int:
        """Remove a file, or a folder with all that is in it, and the folders above that are empty then; bytes freed."""
        target = self.root / name
        try:
            files = [file for file in target.rglob("*") if file.is_file()] if target.is_dir() else [target]
            freed = sum(file.stat().st_size for file in files if file.exists())
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        except OSError as error:
            raise _refused(target, error) from error
        with contextlib.suppress(OSError):
            for folder in target.parents:
                if folder == self.root:
                    break
                folder.rmdir()
        return freed

    def modified(self, name: str) -> float:
        """When the file or folder last changed, in seconds since 1970; 0 where there is none."""
        try:
            return (self.root / name).stat().st_mtime
        except FileNotFoundError:
            return 0.0
        except OSError as error:
            raise _refused(self.root / name, error) from error


def write_at_once(work: Callable[..., object], *items: Iterable[object]) -> None:
    """Call `work` for each, several at a time: what each waits for is the disk, which takes many at once.

    Raises what the first of them raised, when all have ended.
    """
    todo = list(zip(*items, strict=True))
    if len(todo) == 1:
        work(*todo[0])
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4, thread_name_prefix="storage") as pool:
        for done in [pool.submit(work, *each) for each in todo]:
            done.result()


def _unmerged(names: list[str]) -> list[str]:
    return [MERGED] if MERGED in names else names


def _raise(error: OSError) -> None:
    raise error


def _sync(path: Path, *, private: bool = False) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        if private:
            os.fchmod(handle, 0o600)
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: bytes | memoryview) -> None:
    # In as few calls of the system as can be: a thread has to wait for the interpreter after each.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path} ({error.strerror or error})",
        "Look at free space and rights under DATA_URL, then: trakt-import resume",
    )
