"""What makes a host better than another as a target: one file each."""

from cluster_emu.consolidation.placement.scorers.least_free_memory import LeastFreeMemory
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise
from cluster_emu.consolidation.placement.scorers.most_free_cpu import MostFreeCPU
from cluster_emu.consolidation.placement.scorers.most_free_memory import MostFreeMemory

__all__ = [
    "LeastFreeMemory",
    "LeastPowerRise",
    "MostFreeCPU",
    "MostFreeMemory",
]
