"""Power-aware best fit decreasing: each VM goes where it costs the least power."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementFilter, PlacementScorer, placements
from cluster_emu.consolidation.placement.composed import ComposedPlacement, Largest
from cluster_emu.consolidation.placement.filters.switched_on import SwitchedOn
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise

ON = (SwitchedOn(),)
SCORERS = (LeastPowerRise(),)


@placements.register("power-aware-best-fit-decreasing")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PowerAwareBestFitDecreasing(ComposedPlacement):
    """The largest CPU demand first, each to the host whose power rises least by it.

    Switched-on hosts come first; a host that is off is used only where no other will do, and then
    its idle power counts as part of the rise. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "power-aware-best-fit-decreasing"
    summary: ClassVar[str] = "largest CPU demand first, to the host whose power rises least"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, PABFD"

    wake: bool = True

    @property
    def largest(self) -> Largest:
        """The CPU demand of the VMs."""
        return "cpu-demand"

    @property
    def filters(self) -> tuple[PlacementFilter, ...]:
        """Only switched-on hosts, if none may be woken."""
        return () if self.wake else ON

    @property
    def preferred(self) -> tuple[PlacementFilter, ...]:
        """Switched-on hosts, if others may be woken."""
        return ON if self.wake else ()

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The rise of power."""
        return SCORERS
