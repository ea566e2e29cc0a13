"""The door of the program: `trakt-import`, and `python -m pipeline`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every ending is an exit code and one or two plain lines."""
    from pipeline.cli import run_cli

    sys.exit(run_cli(sys.argv[1:]))


if __name__ == "__main__":
    main()
