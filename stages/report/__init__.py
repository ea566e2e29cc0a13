"""Report: every record accounted for, from the events and the files of a run."""

from stages.report.stage import report, text

__all__ = ["report", "text"]
