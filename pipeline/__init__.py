"""How work flows: settings, events, the bus, the journal, storage, the report and the command line."""
