"""What keeps a house in order: merge and remove files, forget a user, see whether everything is ready."""
