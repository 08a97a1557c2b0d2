"""How little CPU is left free on a host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView

# Without this the order in which demands were added up would choose between equal hosts.
SAME_UTILISATION = 1e-9


@placement_scorers.register("least-free-cpu")
@dataclass(frozen=True, kw_only=True)
class LeastFreeCPU(PlacementScorer):
    """The utilisation of the host with the VM."""

    name: ClassVar[str] = "least-free-cpu"
    summary: ClassVar[str] = "the less of the CPU is free with the VM, the better"
    source: ClassVar[str] = "best fit, Johnson et al. 1974; Nova, CPUWeigher, negative multiplier"
    tolerance: ClassVar[float] = SAME_UTILISATION

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the utilisation with `vm`, [these hosts]."""
        return view.utilisation_with(vm).take(hosts)
