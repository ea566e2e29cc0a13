"""Extract: from a username to staged Parquet files. The only place that knows Trakt's JSON."""

from stages.extract.profile import Profile
from stages.extract.reader import Progress
from stages.extract.stage import extract

__all__ = ["Profile", "Progress", "extract"]
