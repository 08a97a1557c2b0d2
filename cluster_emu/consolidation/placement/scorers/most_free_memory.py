"""How much memory is left free on a host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView


@placement_scorers.register("most-free-memory")
@dataclass(frozen=True, kw_only=True)
class MostFreeMemory(PlacementScorer):
    """Minus the memory utilisation of the host with the VM."""

    name: ClassVar[str] = "most-free-memory"
    summary: ClassVar[str] = "the more of the memory is free with the VM, the better"
    source: ClassVar[str] = "worst fit; OpenStack Nova, RAMWeigher"

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated memory utilisation with `vm`, [these hosts]."""
        return -view.memory_utilisation_with(vm).take(hosts)
