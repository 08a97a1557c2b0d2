"""Page state of a migrating VM: what writes pages, the dirty log, the engines."""
