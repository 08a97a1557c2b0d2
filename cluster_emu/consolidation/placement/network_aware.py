"""Each VM goes where its migration shares the tightest link with the fewest others."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.composed import passing
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise
from cluster_emu.consolidation.placement.scorers.least_shared_bottleneck import (
    LeastSharedBottleneck,
)
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst
from cluster_emu.consolidation.view import ClusterView

POWER = LeastPowerRise()


@placements.register("network-aware")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NetworkAware(SwitchedOnFirst):
    """The largest CPU demand first, each to the host with the fewest migrations on the bottleneck.

    Only the hosts whose power rises least by the VM are compared. The rise counts with the weight
    1, so it decides between hosts that are alike for the network. Switched-on hosts come first.
    Ties go to the lower number.

    Args:
        shortlist: how many hosts are compared; the cost of a decision does not grow with the
            cluster.
        network_weight: weight of the number of migrations on the bottleneck beside the power.
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "network-aware"
    summary: ClassVar[str] = (
        "to the host whose bottleneck the fewest migrations share, then by power"
    )
    source: ClassVar[str] = "own; the rise in power as in PABFD, Beloglazov and Buyya 2012"

    shortlist: int = Field(default=100, gt=0)
    network_weight: float = Field(default=10.0, gt=0, allow_inf_nan=False)

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The migrations on the bottleneck, and the rise of power."""
        return LeastSharedBottleneck(weight=self.network_weight), POWER

    def best_host(self, view: ClusterView, vm: int, allowed: BoolColumn) -> int:
        """Return the best host of the shortlist for `vm`, or -1 if none passes."""
        return super().best_host(view, vm, self._shortlisted(view, vm, allowed))

    def _shortlisted(self, view: ClusterView, vm: int, allowed: BoolColumn) -> BoolColumn:
        """Return those of `allowed` whose power rises least, switched-on ones first, [hosts]."""
        hosts = np.flatnonzero(passing(self.filters, view, vm, allowed))
        if len(hosts) <= self.shortlist:
            return allowed
        rise = np.round(-POWER.scores(view, vm, hosts) / POWER.tolerance)
        first = np.lexsort((hosts, rise, ~view.on[hosts]))[: self.shortlist]
        shortlisted = np.zeros_like(allowed)
        shortlisted[hosts[first]] = True
        return shortlisted
