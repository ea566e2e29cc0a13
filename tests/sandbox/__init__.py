"""A local HTTP server that imitates the Trakt API, with seeded accounts and switches for what goes wrong."""
