"""The door of the program: `trakt-import`, and `python -m pipeline`."""

from __future__ import annotations

import gc
import os
import sys

# Arrow and ADBC load these wherever they are installed: 0.3 s for what no command uses.
UNUSED = ("numpy", "pandas", "polars")


class _Unused:
    """Finds those modules missing, for whoever tries them; a name that is only None in `sys.modules` fools Arrow."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Nobody's module, but for those that are not to be found."""
        if name in UNUSED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def settle_memory() -> None:
    """How a process of this program deals with memory; before Arrow is loaded."""
    # Almost nothing we make is garbage in a circle: to look for it as often as Python does takes a twentieth of a run.
    gc.set_threshold(100_000, 20, 20)
    # Arrow's own allocator keeps what pages have left, some 40 MiB; the system's gives it to whoever comes next.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def main() -> None:
    """Run the command line; every ending is an exit code and one or two plain lines."""
    sys.meta_path.insert(0, _Unused())
    settle_memory()
    try:
        from pipeline.cli import run_cli

        code = run_cli(sys.argv[1:])
    except KeyboardInterrupt:  # before anything had begun
        code = 130
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody listens any more
        code = code or 1
    # All is written and closed by now; to take DuckDB, Arrow and the interpreter apart would cost a tenth of a second.
    os._exit(code)


if __name__ == "__main__":
    main()
