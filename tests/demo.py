"""`make demo`: the whole main job against the bundled sandbox, from an empty folder to a reconciled database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.sandbox.demo import demo_account
from tests.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "data" / "demo"


def main() -> int:
    """Load the sample catalogue, import the demo account twice, show the report."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with Sandbox([demo_account()], limit=500) as sandbox:
        environment = os.environ | {
            "TRAKT_API_URL": sandbox.url,
            "TRAKT_CLIENT_ID": "sandbox",
            "DATABASE_URL": f"sqlite:///{FOLDER / 'app.db'}",
            "DATA_URL": str(FOLDER),
            "LOG_FORMAT": "text",
        }
        for arguments in (
            ["catalog", "load", "data/sample/titles.csv"],
            ["run", "demo"],
            ["run", "demo"],
            ["report"],
            ["runs"],
        ):
            print(f"\n$ trakt-import {' '.join(arguments)}", flush=True)
            command = [sys.executable, "-m", "pipeline", *arguments]
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
            if code:
                return code
    print(f"\nThe database is {FOLDER / 'app.db'}; the staged Parquet lies beside it.".replace(f"{ROOT}/", ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
