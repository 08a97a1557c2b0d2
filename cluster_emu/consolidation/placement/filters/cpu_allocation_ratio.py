"""Hosts whose CPU is not overcommitted too far."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import ROUNDING, PlacementFilter, placement_filters
from cluster_emu.consolidation.placement.allocated_cpu import allocation_ratio_with
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("cpu-allocation-ratio")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CPUAllocationRatio(PlacementFilter):
    """Hosts where the CPU of all VMs stays at or below `ratio` times the CPU of the host.

    It counts what the VMs may use, whatever they want now.

    Args:
        ratio: CPU of VMs per CPU of the host; above 1 it is overcommitted, below 1 some is kept.
    """

    name: ClassVar[str] = "cpu-allocation-ratio"
    summary: ClassVar[str] = "the CPU of the VMs stays within a multiple of the host's CPU"
    source: ClassVar[str] = "OpenStack Nova, CoreFilter and cpu_allocation_ratio"

    ratio: float = Field(default=4.0, gt=0, allow_inf_nan=False)

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts within the ratio with `vm` added, [hosts]."""
        within: BoolColumn = allocation_ratio_with(view, vm) <= self.ratio + ROUNDING
        return within
