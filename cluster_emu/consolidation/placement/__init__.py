"""Which host a VM goes to: compositions of filters and scorers, one file each."""

from cluster_emu.consolidation.placement.composed import ComposedPlacement
from cluster_emu.consolidation.placement.filter_scheduler import FilterScheduler
from cluster_emu.consolidation.placement.memory_best_fit_decreasing import MemoryBestFitDecreasing
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.placement.power_aware_best_fit_decreasing import (
    PowerAwareBestFitDecreasing,
)

__all__ = [
    "ComposedPlacement",
    "FilterScheduler",
    "MemoryBestFitDecreasing",
    "MostFree",
    "PowerAwareBestFitDecreasing",
]
