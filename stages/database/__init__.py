"""The application database, spoken to in Arrow through ADBC. Used by load and catalog, known to nobody else."""

from stages.database.connection import LOCK_TIMEOUT, Database, Kind, RowsChanged, RowsLocked
from stages.database.opening import open_database
from stages.database.schema import prepare
from stages.database.titles import TITLES

__all__ = ["LOCK_TIMEOUT", "TITLES", "Database", "Kind", "RowsChanged", "RowsLocked", "open_database", "prepare"]
