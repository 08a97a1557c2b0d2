"""Worst fit: each VM goes to the host that is left with the most free CPU."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, placements
from cluster_emu.consolidation.pabfd import on_or_woken


@placements.register("most-free")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MostFree:
    """The largest CPU demand first, each to the host least utilised with it.

    Switched-on hosts come first. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "most-free"
    summary: ClassVar[str] = "largest CPU demand first, to the host left with the most free CPU"
    source: ClassVar[str] = "worst fit decreasing"

    wake: bool = True

    def order(self, plan: Plan, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return `vms` by decreasing CPU demand."""
        return plan.by_decreasing_demand(vms)

    def choose(self, plan: Plan, vm: int, allowed: NDArray[np.bool_]) -> int:
        """Return the host among `allowed` with the least utilisation after adding `vm`, or -1."""
        pool = on_or_woken(plan, allowed, wake=self.wake)
        if not pool.any():
            return -1
        return int(np.argmin(np.where(pool, plan.utilisation_with(vm), np.inf)))
