"""Hosts that are on."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("switched-on")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SwitchedOn(PlacementFilter):
    """Hosts that are switched on, or will be because a VM moves there."""

    name: ClassVar[str] = "switched-on"
    summary: ClassVar[str] = "the host is switched on"
    source: ClassVar[str] = "Beloglazov and Buyya 2012: a sleeping host is a last resort"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that are on, [hosts]."""
        return view.on
