"""Hosts that take new VMs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("not-drained")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NotDrained(PlacementFilter):
    """Hosts that are not being emptied for maintenance."""

    name: ClassVar[str] = "not-drained"
    summary: ClassVar[str] = "the host is not drained"
    source: ClassVar[str] = "OpenStack Nova, ComputeFilter (disabled services)"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that take new VMs, [hosts]."""
        return ~view.drained
