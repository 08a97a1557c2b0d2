"""What makes a host better than another as a target: one file each."""

from cluster_emu.consolidation.placement.scorers.dot_product import DotProduct
from cluster_emu.consolidation.placement.scorers.least_allocated_cpu import LeastAllocatedCPU
from cluster_emu.consolidation.placement.scorers.least_free_cpu import LeastFreeCPU
from cluster_emu.consolidation.placement.scorers.least_free_memory import LeastFreeMemory
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise
from cluster_emu.consolidation.placement.scorers.least_shared_bottleneck import (
    LeastSharedBottleneck,
)
from cluster_emu.consolidation.placement.scorers.lowest_number import LowestNumber
from cluster_emu.consolidation.placement.scorers.most_free_cpu import MostFreeCPU
from cluster_emu.consolidation.placement.scorers.most_free_memory import MostFreeMemory

__all__ = [
    "DotProduct",
    "LeastAllocatedCPU",
    "LeastFreeCPU",
    "LeastFreeMemory",
    "LeastPowerRise",
    "LeastSharedBottleneck",
    "LowestNumber",
    "MostFreeCPU",
    "MostFreeMemory",
]
