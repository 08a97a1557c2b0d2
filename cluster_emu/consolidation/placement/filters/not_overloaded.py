"""Hosts that would not be overloaded with the VM."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.fields import OverloadField
from cluster_emu.consolidation.overload.static_threshold import StaticThreshold
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("not-overloaded")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class NotOverloaded(PlacementFilter):
    """Hosts that stay at or below the threshold of an overload detector.

    Args:
        overload: the detector whose threshold counts.
    """

    name: ClassVar[str] = "not-overloaded"
    summary: ClassVar[str] = "the host would not be overloaded with the VM"
    source: ClassVar[str] = "Beloglazov and Buyya 2012"

    overload: OverloadField = Field(default_factory=StaticThreshold)

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that are not overloaded with `vm` added, [hosts]."""
        return self.overload.fits(view, vm)
