"""How many migrations share the tightest link on the way to a host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView


@placement_scorers.register("least-shared-bottleneck")
@dataclass(frozen=True, kw_only=True)
class LeastSharedBottleneck(PlacementScorer):
    """The number of other migrations on the bottleneck of the way to the host, negated.

    The bottleneck is the link that leaves one more migration the least fair share. Migrations in
    flight, queued and planned count.
    """

    name: ClassVar[str] = "least-shared-bottleneck"
    summary: ClassVar[str] = "the fewer migrations share the tightest link to the host, the better"
    source: ClassVar[str] = "own"

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated number of migrations, [these hosts]; 0 for a VM that is nowhere yet.

        Raises:
            ClusterEmuError: if the view was made without a network.
        """
        if view.state.vms.host[vm] < 0:
            return np.zeros(len(hosts))
        return -view.bottlenecks(vm, hosts).sharing.astype(np.float64)
