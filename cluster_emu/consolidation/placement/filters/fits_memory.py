"""Hosts with memory for the VM."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("fits-memory")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FitsMemory(PlacementFilter):
    """Hosts whose free memory, less what is reserved and planned, holds the VM."""

    name: ClassVar[str] = "fits-memory"
    summary: ClassVar[str] = "the free memory holds the VM"
    source: ClassVar[str] = "OpenStack Nova, RamFilter"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts with free memory for `vm`, [hosts]."""
        fits: BoolColumn = view.memory_free_bytes >= view.state.vms.memory_bytes[vm]
        return fits
