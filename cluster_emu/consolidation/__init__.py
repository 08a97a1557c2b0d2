"""Which VM moves where and when; importing this package registers its policies."""

from cluster_emu.consolidation.by_memory import MemoryBestFitDecreasing
from cluster_emu.consolidation.consolidate import Consolidation
from cluster_emu.consolidation.contract import (
    Move,
    Plan,
    Priority,
    TriggerReport,
    overload_detectors,
    placements,
    triggers,
    underload_detectors,
    vm_selections,
)
from cluster_emu.consolidation.drain import Drain
from cluster_emu.consolidation.least_utilised import LeastUtilised
from cluster_emu.consolidation.load_balance import LoadBalance
from cluster_emu.consolidation.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.most_free import MostFree
from cluster_emu.consolidation.pabfd import PowerAwareBestFitDecreasing
from cluster_emu.consolidation.static_threshold import StaticThreshold

__all__ = [
    "Consolidation",
    "Drain",
    "LeastUtilised",
    "LoadBalance",
    "MemoryBestFitDecreasing",
    "MinimumMigrationTime",
    "MostFree",
    "Move",
    "Plan",
    "PowerAwareBestFitDecreasing",
    "Priority",
    "StaticThreshold",
    "TriggerReport",
    "overload_detectors",
    "placements",
    "triggers",
    "underload_detectors",
    "vm_selections",
]
