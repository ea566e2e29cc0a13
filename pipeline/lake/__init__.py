"""The staged files as a database to ask: a view for each dataset, the newest pictures, the data dictionary."""
