"""`make demo`: the whole main job against the bundled sandbox, from an empty folder to a reconciled database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.databases import Schema, Server, SQLiteFile
from tests.sandbox.demo import demo_account
from tests.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "data" / "demo"


def main() -> int:
    """Load the sample catalogue, import the demo account twice, show the report; `DB=postgres`: into PostgreSQL."""
    wanted = os.environ.get("DB") or "sqlite"
    if wanted not in ("sqlite", "postgres", "postgresql"):
        print("usage: make demo [DB=postgres]", file=sys.stderr)
        return 2
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    database: SQLiteFile | Schema = SQLiteFile(FOLDER / "app.db") if wanted == "sqlite" else Server().schema()
    with Sandbox([demo_account()], limit=500) as sandbox:
        environment = os.environ | {
            "TRAKT_API_URL": sandbox.url,
            "TRAKT_CLIENT_ID": "sandbox",
            "DATABASE_URL": database.url,
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
    print("\nIn the database:", flush=True)
    for table in ("library_entries", "season_entries", "episode_entries", "watches", "import_runs"):
        print(f"  {table:<16} {database.execute(f'select count(*) from {table}')[0][0]:>6}")
    where = FOLDER / "app.db" if wanted == "sqlite" else "a PostgreSQL server that ends now"
    print(f"The database is {where}; the staged Parquet lies in {FOLDER}.".replace(f"{ROOT}/", ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
