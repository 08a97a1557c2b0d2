"""How little CPU is promised to the VMs of a host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.placement.allocated_cpu import allocation_ratio_with
from cluster_emu.consolidation.view import ClusterView


@placement_scorers.register("least-allocated-cpu")
@dataclass(frozen=True, kw_only=True)
class LeastAllocatedCPU(PlacementScorer):
    """The CPU of the host's VMs with this one, over that of the host, negated.

    It counts what the VMs may use, whatever they want now.
    """

    name: ClassVar[str] = "least-allocated-cpu"
    summary: ClassVar[str] = "the less CPU is promised to VMs per CPU of the host, the better"
    source: ClassVar[str] = "OpenStack Nova, CPUWeigher; Kubernetes, LeastAllocated"

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated allocation ratio with `vm`, [these hosts]."""
        return -allocation_ratio_with(view, vm).take(hosts)
