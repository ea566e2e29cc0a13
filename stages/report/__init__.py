"""Report: every record accounted for, from the events and the files of a run."""

from stages.report.stage import report, text
from stages.report.standing import report_standing

__all__ = ["report", "report_standing", "text"]
