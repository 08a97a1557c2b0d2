"""Best fit decreasing by CPU: each VM goes to the host that is left with the least free CPU."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.scorers.least_free_cpu import LeastFreeCPU
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst

SCORERS = (LeastFreeCPU(),)


@placements.register("best-fit")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class BestFit(SwitchedOnFirst):
    """The largest CPU demand first, each to the host most utilised with it.

    Switched-on hosts come first. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "best-fit"
    summary: ClassVar[str] = "largest CPU demand first, to the host left with the least free CPU"
    source: ClassVar[str] = "best fit decreasing bin packing, Johnson et al. 1974"

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The CPU left free, the less the better."""
        return SCORERS
