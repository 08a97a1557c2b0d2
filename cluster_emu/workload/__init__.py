"""What the VMs do: CPU demand over time, how fast they write, and named write profiles."""

from cluster_emu.workload.bursts import Burst, BurstSchedule
from cluster_emu.workload.demand import Demand, DemandModel, demand_models
from cluster_emu.workload.intensity import IntensityMapping, IntensityPath, intensity_mappings
from cluster_emu.workload.memory_use import MemoryUse
from cluster_emu.workload.profiles import WriteProfile, load_profiles
from cluster_emu.workload.synthetic_demand import ConstantDemand, DiurnalDemand
from cluster_emu.workload.trace_demand import TraceDemand
from cluster_emu.workload.writes import MovingSet, Sweep, WriteClass, ZipfWrites

__all__ = [
    "Burst",
    "BurstSchedule",
    "ConstantDemand",
    "Demand",
    "DemandModel",
    "DiurnalDemand",
    "IntensityMapping",
    "IntensityPath",
    "MemoryUse",
    "MovingSet",
    "Sweep",
    "TraceDemand",
    "WriteClass",
    "WriteProfile",
    "ZipfWrites",
    "demand_models",
    "intensity_mappings",
    "load_profiles",
]
