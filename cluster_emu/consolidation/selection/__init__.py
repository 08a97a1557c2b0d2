"""Which VMs leave an overloaded host first: one file per rule."""

from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime

__all__ = [
    "MinimumMigrationTime",
]
