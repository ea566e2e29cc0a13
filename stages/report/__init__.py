"""Report: every record accounted for, from the events and the files of a run."""

from stages.report.lines import text
from stages.report.page import write_page
from stages.report.stage import report
from stages.report.standing import report_standing
from stages.report.titles import titles_of

__all__ = ["report", "report_standing", "text", "titles_of", "write_page"]
