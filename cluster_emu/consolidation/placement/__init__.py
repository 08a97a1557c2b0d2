"""The target host of a VM: compositions of filters and scorers, one file each."""

from cluster_emu.consolidation.placement.best_fit import BestFit
from cluster_emu.consolidation.placement.composed import ComposedPlacement
from cluster_emu.consolidation.placement.dot_product import DotProductPlacement
from cluster_emu.consolidation.placement.filter_scheduler import FilterScheduler
from cluster_emu.consolidation.placement.first_fit import FirstFit
from cluster_emu.consolidation.placement.memory_best_fit_decreasing import MemoryBestFitDecreasing
from cluster_emu.consolidation.placement.most_free import MostFree
from cluster_emu.consolidation.placement.network_aware import NetworkAware
from cluster_emu.consolidation.placement.power_aware_best_fit_decreasing import (
    PowerAwareBestFitDecreasing,
)

__all__ = [
    "BestFit",
    "ComposedPlacement",
    "DotProductPlacement",
    "FilterScheduler",
    "FirstFit",
    "MemoryBestFitDecreasing",
    "MostFree",
    "NetworkAware",
    "PowerAwareBestFitDecreasing",
]
