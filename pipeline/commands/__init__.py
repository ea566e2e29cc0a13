"""The commands of `trakt-import`, one module for each subject. Each imports what it needs when it runs."""
