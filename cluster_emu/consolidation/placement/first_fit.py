"""First fit decreasing: each VM goes to the first host that takes it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.scorers.lowest_number import LowestNumber
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst

SCORERS = (LowestNumber(),)


@placements.register("first-fit")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FirstFit(SwitchedOnFirst):
    """The largest CPU demand first, each to the host with the lowest number that takes it.

    Switched-on hosts come first.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "first-fit"
    summary: ClassVar[str] = "largest CPU demand first, to the first host that takes it"
    source: ClassVar[str] = "first fit decreasing bin packing, Johnson et al. 1974"

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The number of the host."""
        return SCORERS
