"""The place of a host in the inventory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import PlacementScorer, placement_scorers
from cluster_emu.consolidation.view import ClusterView


@placement_scorers.register("lowest-number")
@dataclass(frozen=True, kw_only=True)
class LowestNumber(PlacementScorer):
    """The number of the host, negated."""

    name: ClassVar[str] = "lowest-number"
    summary: ClassVar[str] = "the lower the number of the host, the better"
    source: ClassVar[str] = "first fit, Johnson et al. 1974"

    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return the negated numbers, [these hosts]."""
        return -hosts.astype(np.float64)
