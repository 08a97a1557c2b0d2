"""Much memory first."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import VMColumns
from cluster_emu.scheduling.orders.contract import (
    Candidate,
    FixedOrder,
    queue_orders,
)


@queue_orders.register("largest-first")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LargestFirst(FixedOrder):
    """The VM with the most memory first; equals in order of arrival."""

    name: ClassVar[str] = "largest-first"
    summary: ClassVar[str] = "the most memory first"
    source: ClassVar[str] = (
        "longest processing time first (Graham, SIAM J. Appl. Math. 17, 1969), with memory for "
        "the length"
    )

    def key(self, candidate: Candidate, vms: VMColumns) -> float:
        """Return minus the VM's memory in bytes."""
        return -float(vms.memory_bytes[candidate.vm])
