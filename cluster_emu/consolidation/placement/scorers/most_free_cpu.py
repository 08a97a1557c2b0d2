"""How much CPU is left free on a host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView


@placement_scorers.register("most-free-cpu")
@dataclass(frozen=True, kw_only=True)
class MostFreeCPU(PlacementScorer):
    """Minus the utilisation of the host with the VM."""

    name: ClassVar[str] = "most-free-cpu"
    summary: ClassVar[str] = "the more of the CPU is free with the VM, the better"
    source: ClassVar[str] = "worst fit; OpenStack Nova, CPUWeigher"

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated utilisation with `vm`, [these hosts]."""
        return -view.utilisation_with(vm).take(hosts)
