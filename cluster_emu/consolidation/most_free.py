"""Worst fit: each VM goes to the host that is left with the most free CPU."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, placements
from cluster_emu.consolidation.decreasing import DecreasingPlacement


@placements.register("most-free")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MostFree(DecreasingPlacement):
    """The largest CPU demand first, each to the host least utilised with it.

    Switched-on hosts come first. Ties go to the lower number.
    """

    name: ClassVar[str] = "most-free"
    summary: ClassVar[str] = "largest CPU demand first, to the host left with the most free CPU"
    source: ClassVar[str] = "worst fit decreasing"

    def best(self, plan: Plan, vm: int, pool: NDArray[np.bool_]) -> int:
        """Return the host with the least utilisation after adding `vm`."""
        return int(np.argmin(np.where(pool, plan.utilisation_with(vm), np.inf)))
