"""Move the VM first that relieves its host most for what its migration costs."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import VMSelection, vm_selections
from cluster_emu.consolidation.selection.free_to_leave import free_to_leave
from cluster_emu.consolidation.view import ClusterView
from cluster_emu.units import BITS_PER_BYTE, BitsPerSecond


@vm_selections.register("least-cost")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LeastCost(VMSelection):
    """The most CPU relief per byte sent first, pages that are sent again included.

    The relief is the CPU that the VM wants now. The bytes are those of pre-copy at a constant rate,
    which sends again in each round what was written during the round before. So a VM that writes
    much stays, even if it is small. Ties go to the lower number.

    Args:
        bandwidth_bps: the rate of the migration; if none, the capacity of the host's own link.
    """

    name: ClassVar[str] = "least-cost"
    summary: ClassVar[str] = "move the VM first with the most CPU relief per byte sent"
    source: ClassVar[str] = "own; bytes by Liu, Jin, Xu and Liao, HPDC 2011"

    bandwidth_bps: BitsPerSecond | None = None

    def rank(self, view: ClusterView, host: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the most relief per byte first.

        Raises:
            ClusterEmuError: if the rate is to be that of the link, and the view has no network.
        """
        vms = free_to_leave(view, host)
        cost = view.cost_of_moving(vms, self._bps(view, host) / BITS_PER_BYTE)
        relief = view.vm_cpu_demand[vms] / cost.sent_bytes
        return vms[np.argsort(-relief, kind="stable")]

    def _bps(self, view: ClusterView, host: int) -> float:
        """Return the rate of a migration off `host`; without bounds if there is no other host."""
        if self.bandwidth_bps is not None:
            return self.bandwidth_bps
        route = view.network.route(host, 0 if host else len(view.on) - 1)
        return float(view.network.links.capacity_bps[route[0]]) if route else math.inf
