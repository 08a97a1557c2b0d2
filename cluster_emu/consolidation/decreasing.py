"""Placements that take VMs by decreasing demand and prefer hosts that are on: the common part."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.plan import Plan


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DecreasingPlacement(ABC):
    """The largest CPU demand first; a subclass says which of the possible hosts is best.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    wake: bool = True

    def order(self, plan: Plan, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return `vms` by decreasing CPU demand."""
        return plan.by_decreasing_demand(vms)

    def choose(self, plan: Plan, vm: int, allowed: NDArray[np.bool_]) -> int:
        """Return the best host for `vm` among `allowed` (mask, [hosts]), or -1 if there is none."""
        on = allowed & plan.on
        pool = allowed if self.wake and not on.any() else on
        return self.best(plan, vm, pool) if pool.any() else -1

    @abstractmethod
    def best(self, plan: Plan, vm: int, pool: NDArray[np.bool_]) -> int:
        """Return the best host among `pool` (mask, [hosts]), which is not empty."""
