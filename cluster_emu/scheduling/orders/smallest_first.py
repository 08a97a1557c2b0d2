"""Little memory first."""

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


@queue_orders.register("smallest-first")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SmallestFirst(FixedOrder):
    """The VM with the least memory first; equals in order of arrival."""

    name: ClassVar[str] = "smallest-first"
    summary: ClassVar[str] = "the least memory first"
    source: ClassVar[str] = "shortest job first, with memory for the length"

    def key(self, candidate: Candidate, vms: VMColumns) -> float:
        """Return the VM's memory in bytes."""
        return float(vms.memory_bytes[candidate.vm])
