"""Best fit decreasing by memory alone: for clusters short of memory."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.composed import ComposedPlacement, Largest
from cluster_emu.consolidation.placement.scorers.least_free_memory import LeastFreeMemory

SCORERS = (LeastFreeMemory(),)


@placements.register("memory-best-fit-decreasing")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MemoryBestFitDecreasing(ComposedPlacement):
    """The largest memory first, each to the host with the least memory free that will do.

    It finds a target where placements by CPU demand fragment the free memory and find none. Ties go
    to the lower number; whether a host is on does not matter.
    """

    name: ClassVar[str] = "memory-best-fit-decreasing"
    summary: ClassVar[str] = "largest memory first, to the fullest host with memory for it"
    source: ClassVar[str] = "best fit decreasing bin packing, Johnson et al. 1974"

    @property
    def largest(self) -> Largest:
        """The memory of the VMs."""
        return "memory"

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The free memory."""
        return SCORERS
