"""Vector bin packing: each VM goes to the host whose free CPU and memory match its need."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.composed import Largest
from cluster_emu.consolidation.placement.scorers.dot_product import DotProduct
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst

SCORERS = (DotProduct(),)


@placements.register("dot-product")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DotProductPlacement(SwitchedOnFirst):
    """The largest sum of CPU and memory first, each to the host with the largest dot product.

    The sizes that add up are shares of all CPU and all memory of the cluster. Switched-on hosts
    come first. Ties go to the lower number.

    Args:
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "dot-product"
    summary: ClassVar[str] = (
        "largest VM first, to the host whose free CPU and memory match its need"
    )
    source: ClassVar[str] = "vector bin packing, Panigrahy et al. 2011"

    @property
    def largest(self) -> Largest:
        """The sum of CPU demand and memory."""
        return "cpu-and-memory"

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The dot product."""
        return SCORERS
