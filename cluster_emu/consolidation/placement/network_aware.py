"""Each VM goes where its migration shares the tightest link with the fewest others."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import PlacementScorer, placements
from cluster_emu.consolidation.placement.scorers.least_power_rise import LeastPowerRise
from cluster_emu.consolidation.placement.scorers.least_shared_bottleneck import (
    LeastSharedBottleneck,
)
from cluster_emu.consolidation.placement.switched_on_first import SwitchedOnFirst


@placements.register("network-aware")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NetworkAware(SwitchedOnFirst):
    """The largest CPU demand first, each to the host with the fewest migrations on the bottleneck.

    The rise in power counts, too, with the weight 1: it decides between hosts that are alike for
    the network. Switched-on hosts come first. Ties go to the lower number.

    Args:
        network_weight: weight of the number of migrations on the bottleneck beside the power.
        wake: whether a host that is off may be used where no switched-on host will do.
    """

    name: ClassVar[str] = "network-aware"
    summary: ClassVar[str] = (
        "to the host whose bottleneck the fewest migrations share, then by power"
    )
    source: ClassVar[str] = "own; the rise in power as in PABFD, Beloglazov and Buyya 2012"

    network_weight: float = Field(default=10.0, gt=0, allow_inf_nan=False)

    @property
    def scorers(self) -> tuple[PlacementScorer, ...]:
        """The migrations on the bottleneck, and the rise of power."""
        return LeastSharedBottleneck(weight=self.network_weight), LeastPowerRise()
