"""Hosts that keep some of their memory free."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView
from cluster_emu.errors import ScenarioError


@placement_filters.register("memory-allocation-ratio")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MemoryAllocationRatio(PlacementFilter):
    """Hosts where the memory in use and reserved stays at or below `ratio` of the host's memory.

    Memory is reserved in full at both hosts of a migration, so it is never overcommitted and a
    ratio above 1 is refused: it could change nothing.

    Args:
        ratio: share of the memory that VMs may have, at most 1; the rest is kept free.
    """

    name: ClassVar[str] = "memory-allocation-ratio"
    summary: ClassVar[str] = "the memory of the VMs stays within a share of the host's memory"
    source: ClassVar[str] = "OpenStack Nova, RamFilter and ram_allocation_ratio"

    ratio: float = Field(default=0.9, gt=0, allow_inf_nan=False)

    @field_validator("ratio")
    @classmethod
    def _no_overcommit(cls, ratio: float) -> float:
        if ratio > 1:
            raise ScenarioError("ratio", ratio, "at most 1: hosts reserve all memory of their VMs")
        return ratio

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts within the ratio with `vm` added, [hosts]."""
        memory = view.state.hosts.memory_bytes
        taken = memory - view.memory_free_bytes + view.state.vms.memory_bytes[vm]
        within: BoolColumn = taken <= self.ratio * memory
        return within
