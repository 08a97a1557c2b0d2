"""Hosts without another VM of the VM's anti-affinity group."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("anti-affinity")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AntiAffinity(PlacementFilter):
    """Hosts where no other VM of the VM's anti-affinity group is or will be."""

    name: ClassVar[str] = "anti-affinity"
    summary: ClassVar[str] = "no other VM of the anti-affinity group is there"
    source: ClassVar[str] = "OpenStack Nova, ServerGroupAntiAffinityFilter"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts without another VM of the group of `vm`, [hosts]."""
        return ~view.kept_apart_from(vm)
