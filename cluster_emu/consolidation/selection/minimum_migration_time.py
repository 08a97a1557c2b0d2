"""Move the VM first that is moved soonest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import VMSelection, vm_selections
from cluster_emu.consolidation.selection.free_to_leave import free_to_leave
from cluster_emu.consolidation.view import ClusterView


@vm_selections.register("minimum-migration-time")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MinimumMigrationTime(VMSelection):
    """The least estimated migration time first: memory over the bandwidth available to the host.

    The VMs of one host share its network card, so the order is that of their memory alone. Equal
    memory: the larger CPU demand first, since it relieves the host more; then the lower number.
    """

    name: ClassVar[str] = "minimum-migration-time"
    summary: ClassVar[str] = "move the VM first whose memory is sent soonest"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, MMT"

    def rank(self, view: ClusterView, host: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the least memory first."""
        vms = free_to_leave(view, host)
        memory, demand = view.state.vms.memory_bytes[vms], view.vm_cpu_demand[vms]
        return vms[np.lexsort((vms, -demand, memory))]
