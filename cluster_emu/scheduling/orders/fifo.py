"""First come, first served."""

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


@queue_orders.register("fifo")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Fifo(FixedOrder):
    """In the order in which the migrations were requested."""

    name: ClassVar[str] = "fifo"
    summary: ClassVar[str] = "first come, first served"
    source: ClassVar[str] = "KubeVirt, Nova, oVirt: work queues by time of request"

    def key(self, candidate: Candidate, vms: VMColumns) -> float:
        """Return 0 for all: equals start in order of arrival."""
        return 0.0
