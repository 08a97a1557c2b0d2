"""The hosts that the scenario allows for the VM at all."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("allowed-hosts")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AllowedHosts(PlacementFilter):
    """The hosts in the `allowed_hosts` of the VM's group; all of them where it names none."""

    name: ClassVar[str] = "allowed-hosts"
    summary: ClassVar[str] = "the scenario allows the VM there (allowed_hosts)"
    source: ClassVar[str] = "Kubernetes nodeSelector; Nova AggregateInstanceExtraSpecsFilter"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that may take `vm`, [hosts]."""
        return view.state.may_take(vm)
