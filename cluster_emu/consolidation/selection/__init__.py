"""Which VMs leave an overloaded host first: one file per rule."""

from cluster_emu.consolidation.selection.least_cost import LeastCost
from cluster_emu.consolidation.selection.maximum_correlation import MaximumCorrelation
from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.selection.minimum_utilisation import MinimumUtilisation
from cluster_emu.consolidation.selection.random_selection import RandomSelection

__all__ = [
    "LeastCost",
    "MaximumCorrelation",
    "MinimumMigrationTime",
    "MinimumUtilisation",
    "RandomSelection",
]
