"""The importers, one per kind of dump."""
