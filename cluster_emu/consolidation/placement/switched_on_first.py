"""Placements by CPU demand that prefer switched-on hosts: what they have in common."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementFilter
from cluster_emu.consolidation.placement.composed import ComposedPlacement, Largest
from cluster_emu.consolidation.placement.filters.switched_on import SwitchedOn

ON = (SwitchedOn(),)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SwitchedOnFirst(ComposedPlacement):
    """The largest CPU demand first, to switched-on hosts before others; a subclass has scorers.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

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
