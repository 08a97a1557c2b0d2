"""Hosts that are up and take new VMs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("operational")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Operational(PlacementFilter):
    """Hosts that have not failed and are not drained for maintenance."""

    name: ClassVar[str] = "operational"
    summary: ClassVar[str] = "the host is up and not drained"
    source: ClassVar[str] = "OpenStack Nova, ComputeFilter: services that are up and enabled"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that are up and not drained, [hosts]."""
        return view.operational
