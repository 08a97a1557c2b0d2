"""Power-aware best fit decreasing: each VM goes to the host where it costs least power."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst

SCORERS = (LeastPowerRise(),)


@placements.register("power-aware-best-fit-decreasing")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PowerAwareBestFitDecreasing(SwitchedOnFirst):
    """The largest CPU demand first, each to the host whose power rises least by it.

    Switched-on hosts come first; a host that is off is used only if no other host can take the VM,
    and then its idle power is part of the rise. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "power-aware-best-fit-decreasing"
    summary: ClassVar[str] = "largest CPU demand first, to the host whose power rises least"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, PABFD"

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The rise of power."""
        return SCORERS
