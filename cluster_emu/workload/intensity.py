"""How fast a VM writes at each instant, from its load and its bursts.

No public CPU trace holds dirty rates, so the step from load to write intensity is an assumption: a
mapping of a registry, which every run prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol

import numpy as np

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.plugins import Registry
from cluster_emu.workload.bursts import BurstSchedule
from cluster_emu.workload.demand import Demand

Driver = Literal["cpu", "memory-bandwidth"]
"""What a mapping follows."""
DRIVERS: Mapping[Driver, str] = {"cpu": "CPU demand", "memory-bandwidth": "memory bandwidth"}
BANDWIDTH = "memory_bandwidth_share"
"""The quantity of a trace that is the driver "memory-bandwidth"."""


class IntensityMapping(Protocol):
    """From the load of a VM to its write intensity. Implementations are frozen dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where it comes from.
        driver: what is taken for the load.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    @property
    def driver(self) -> Driver:
        """What is taken for the load."""
        ...

    @property
    def formula(self) -> str:
        """The mapping in words, as the right side of "Write intensity = ..."."""
        ...

    def intensity(self, driven: FloatColumn) -> FloatColumn:
        """Return intensities 0..1 at loads 0..1, each by itself, the shape of `driven`."""
        ...


intensity_mappings: Registry[IntensityMapping] = Registry(
    "intensity mapping",
    "cluster_emu.intensity_mappings",
    package="cluster_emu.workload.mappings",
    summary="write intensity from CPU demand or memory bandwidth",
)


class IntensityPath:
    """Every VM's write intensity as a function of time, piecewise constant with known breakpoints.

    Args:
        demand: CPU demand of all VMs, with the memory bandwidth where the mapping follows it.
        bursts: burst levels of the same VMs.
        mapping: how intensity follows from load.
        factor: by which all intensities are multiplied.
    """

    def __init__(
        self,
        demand: Demand,
        bursts: BurstSchedule,
        mapping: IntensityMapping,
        factor: float = 1.0,
    ) -> None:
        self._demand = demand
        self._bandwidth = demand.quantities[BANDWIDTH] if mapping.driver != "cpu" else None
        self._bursts = bursts
        self._mapping = mapping
        self._factor = factor
        self.assumptions = (*demand.assumptions, *self._assumptions())

    def _assumptions(self) -> list[str]:
        said = [
            f"Write intensity = {self._mapping.formula}, times the burst level (an assumption: "
            "CPU traces hold no dirty rates)."
        ]
        if self._bandwidth is not None:
            lacking = int(np.isnan(self._bandwidth.at(0.0)).sum())
            if lacking:
                said.append(
                    f"VMs whose traces hold no memory bandwidth: {lacking} of "
                    f"{self._demand.vm_count}; their CPU demand stands for it."
                )
        return said

    def levels(self, time_s: float) -> FloatColumn:
        """Return the intensity of all VMs, 0..factor, a new array of shape [vms]."""
        driven = self._demand.at(time_s)
        if self._bandwidth is not None:
            bandwidth = self._bandwidth.at(time_s)
            driven = np.where(np.isnan(bandwidth), driven, bandwidth)
        return self._mapping.intensity(driven) * self._bursts.level_at(time_s) * self._factor

    def constant_until(self) -> float:
        """Return until when the last result of `levels` holds, unless demand changes before."""
        return self._bursts.constant_until()

    def level(self, vm: int, time_s: float) -> float:
        """Return the intensity of one VM, equal to ``levels(time_s)[vm]``."""
        driven = self._demand.share(vm, time_s)
        if self._bandwidth is not None:
            bandwidth = self._bandwidth.share(vm, time_s)
            driven = driven if np.isnan(bandwidth) else bandwidth
        intensity = float(self._mapping.intensity(np.array([driven]))[0])
        return intensity * self._bursts.level(vm, time_s) * self._factor

    def demand(self, vm: int, time_s: float) -> float:
        """Return the CPU demand of one VM, a share of its capacity."""
        return self._demand.share(vm, time_s)

    def next_change(self, vm: int, time_s: float) -> float:
        """Return the first instant after `time_s` at which intensity or demand may change."""
        return min(self._demand.next_change(time_s), self._bursts.next_toggle(vm, time_s))
