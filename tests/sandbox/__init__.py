"""A local HTTP server that imitates the Trakt API, with seeded accounts and switches for everything that goes wrong."""
