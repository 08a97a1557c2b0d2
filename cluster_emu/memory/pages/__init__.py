"""The pages engine: every page of a migrating VM is kept."""
