"""Move the VM first that is moved soonest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import Plan, vm_selections


@vm_selections.register("minimum-migration-time")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MinimumMigrationTime:
    """The least estimated migration time first: memory over the bandwidth available to the host.

    The VMs of one host share its network card, so the order is that of their memory alone. Equal
    memory: the larger CPU demand first, since it relieves the host more; then the lower number.
    """

    name: ClassVar[str] = "minimum-migration-time"
    summary: ClassVar[str] = "move the VM first whose memory is sent soonest"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, MMT"

    def rank(self, plan: Plan, host: int) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the least memory first."""
        vms = plan.movable_on(host)
        memory, demand = plan.state.vms.memory_bytes[vms], plan.vm_cpu_demand[vms]
        return vms[np.lexsort((vms, -demand, memory))]
