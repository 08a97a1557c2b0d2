"""Hosts that have VMs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("has-vms")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class HasVMs(PlacementFilter):
    """Hosts that have projected VMs, so that no empty host is filled again."""

    name: ClassVar[str] = "has-vms"
    summary: ClassVar[str] = "the host has a VM"
    source: ClassVar[str] = "Beloglazov and Buyya 2012: VMs of underloaded hosts go to hosts in use"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts with projected VMs, [hosts]."""
        return view.vm_count > 0
