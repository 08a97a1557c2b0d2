"""Hosts other than the VM's own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.consolidation.contract import PlacementFilter, placement_filters
from cluster_emu.consolidation.view import ClusterView


@placement_filters.register("other-host")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class OtherHost(PlacementFilter):
    """Hosts other than the one the VM is on; all of them for a VM that is nowhere."""

    name: ClassVar[str] = "other-host"
    summary: ClassVar[str] = "the host is not the VM's own"
    source: ClassVar[str] = "OpenStack Nova, DifferentHostFilter"

    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return every host but that of `vm`, [hosts]."""
        others: BoolColumn = np.arange(len(view.on)) != view.vm_host[vm]
        return others
