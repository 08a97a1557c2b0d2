"""How little memory is free on a host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView


@placement_scorers.register("least-free-memory")
@dataclass(frozen=True, kw_only=True)
class LeastFreeMemory(PlacementScorer):
    """The free memory of the host, in bytes, negated."""

    name: ClassVar[str] = "least-free-memory"
    summary: ClassVar[str] = "the less memory is free, the better"
    source: ClassVar[str] = "best fit; OpenStack Nova, RAMWeigher with a negative multiplier"

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated free memory, [these hosts]."""
        return -view.memory_free_bytes.take(hosts).astype(np.float64)
