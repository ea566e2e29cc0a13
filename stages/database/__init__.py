"""The application database, spoken to in Arrow through ADBC. Used by load and catalog, known to nobody else."""

from stages.database.connection import Database, open_database

__all__ = ["Database", "open_database"]
