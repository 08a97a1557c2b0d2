"""Conditions that a host must meet to receive a VM: one file each."""

from cluster_emu.consolidation.placement.filters.affinity import Affinity
from cluster_emu.consolidation.placement.filters.anti_affinity import AntiAffinity
from cluster_emu.consolidation.placement.filters.cpu_allocation_ratio import CPUAllocationRatio
from cluster_emu.consolidation.placement.filters.fits_memory import FitsMemory
from cluster_emu.consolidation.placement.filters.has_vms import HasVMs
from cluster_emu.consolidation.placement.filters.memory_allocation_ratio import (
    MemoryAllocationRatio,
)
from cluster_emu.consolidation.placement.filters.not_overloaded import NotOverloaded
from cluster_emu.consolidation.placement.filters.operational import Operational
from cluster_emu.consolidation.placement.filters.other_host import OtherHost
from cluster_emu.consolidation.placement.filters.switched_on import SwitchedOn

__all__ = [
    "Affinity",
    "AntiAffinity",
    "CPUAllocationRatio",
    "FitsMemory",
    "HasVMs",
    "MemoryAllocationRatio",
    "NotOverloaded",
    "Operational",
    "OtherHost",
    "SwitchedOn",
]
