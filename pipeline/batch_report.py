"""What a night's report says: of each run, of the runs of an interrupted part of it, and in figures for monitoring."""

from __future__ import annotations

from typing import Any

from pipeline.clock import Clock
from pipeline.display.console import Crowd
from pipeline.errors import TraktImportError
from pipeline.events import Extracted, ImportFailed, ImportRequested, Loaded
from pipeline.journal import Journal
from pipeline.run import Import
from pipeline.settings import Settings
from pipeline.storage import Storage

# Where node_exporter's figures lie.
PROMETHEUS = "reports/trakt_import.prom"


def result_of(run: Import) -> dict[str, Any]:
    """What the batch report says of one run."""
    extracted = next((event for event in run.events if isinstance(event, Extracted)), None)
    about: dict[str, Any] = {
        "user": extracted.trakt_slug if extracted else run.request.user,
        "user_id": extracted.user_id if extracted else run.request.user_id,
        "run_id": run.request.run_id if run.events else None,
        "requests": extracted.requests if extracted else run.requests,
    }
    if run.error is not None:
        error = run.error if isinstance(run.error, TraktImportError) else None
        return about | {
            "status": "failed",
            "error": error.message if error else f"A bug: {type(run.error).__name__}: {run.error}",
            "hint": error.hint if error else "Please report this.",
            "exit_code": error.exit_code if error else 1,
        }
    loaded: Loaded = run.said(Loaded)
    return about | {
        "status": "changed" if loaded.imported_count else "unchanged",
        "imported_count": loaded.imported_count,
        "skipped_count": loaded.skipped_count,
        "error_count": loaded.error_count,
    }


def earlier_result(run_id: str, settings: Settings, storage: Storage, clock: Clock) -> dict[str, Any]:
    """What the report says of a run that the same night did before it was interrupted."""
    events = Journal(storage, run_id).events()
    request, last = events[0], events[-1]
    assert isinstance(request, ImportRequested)
    run = Import(settings, storage, clock, request, Crowd("text", -1), events=events)
    if isinstance(last, ImportFailed):
        run.error = TraktImportError(hint=last.hint, text=last.error)
        run.error.exit_code = last.exit_code
        run.requests = last.requests
    return result_of(run)


def prometheus(report: dict[str, Any], began: float, ended: float) -> str:
    """The figures of a night as node_exporter's text file collector reads them."""
    lines = ["# TYPE trakt_import_batch_users gauge"]
    for status in ("changed", "unchanged", "failed"):
        count = sum(user["status"] == status for user in report["users"])
        lines.append(f'trakt_import_batch_users{{status="{status}"}} {count}')
    for name, value in {
        "requests": report["requests"],
        "waited_seconds": report["waited_seconds"],
        "duration_seconds": round(ended - began, 1),
        "ended_timestamp_seconds": round(ended),
    }.items():
        lines += [f"# TYPE trakt_import_batch_{name} gauge", f"trakt_import_batch_{name} {value}"]
    return "\n".join(lines) + "\n"
