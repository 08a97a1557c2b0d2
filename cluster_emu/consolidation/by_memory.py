"""Best fit decreasing by memory alone: for when memory is what is short."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, placements


@placements.register("memory-best-fit-decreasing")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MemoryBestFitDecreasing:
    """The largest memory first, each to the host with the least memory free that will do.

    It finds room where placements by CPU demand, which cut the free memory up, find none. Ties go
    to the lower number; whether a host is on does not matter.
    """

    name: ClassVar[str] = "memory-best-fit-decreasing"
    summary: ClassVar[str] = "largest memory first, to the fullest host with memory for it"
    source: ClassVar[str] = "best fit decreasing bin packing, Johnson et al. 1974"

    def order(self, plan: Plan, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return `vms` by decreasing memory; equals keep their order."""
        return vms[np.argsort(-plan.state.vms.memory_bytes[vms], kind="stable")]

    def choose(self, plan: Plan, vm: int, allowed: NDArray[np.bool_]) -> int:
        """Return the host among `allowed` (mask, [hosts]) with the least memory free, or -1."""
        if not allowed.any():
            return -1
        most = np.iinfo(np.int64).max
        return int(np.argmin(np.where(allowed, plan.memory_free_bytes, most)))
