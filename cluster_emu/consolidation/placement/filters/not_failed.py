"""Hosts that work."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("not-failed")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NotFailed(PlacementFilter):
    """Hosts that have not crashed, or are repaired."""

    name: ClassVar[str] = "not-failed"
    summary: ClassVar[str] = "the host has not failed"
    source: ClassVar[str] = "OpenStack Nova, ComputeFilter (services that are up)"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that work, [hosts]."""
        return ~view.state.hosts.failed
