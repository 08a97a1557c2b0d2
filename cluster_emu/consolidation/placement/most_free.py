"""Worst fit: each VM goes to the host that is left with the most free CPU."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.scorers.most_free_cpu import MostFreeCPU
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst

SCORERS = (MostFreeCPU(),)


@placements.register("most-free")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MostFree(SwitchedOnFirst):
    """The largest CPU demand first, each to the host least utilised with it.

    Switched-on hosts come first. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "most-free"
    summary: ClassVar[str] = "largest CPU demand first, to the host left with the most free CPU"
    source: ClassVar[str] = "worst fit decreasing"

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The CPU left free."""
        return SCORERS
