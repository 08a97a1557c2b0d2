"""First come, first served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.migration.queue_orders.contract import (
    Candidate,
    QueueOrder,
    QueueView,
    queue_orders,
)


@queue_orders.register("fifo")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Fifo(QueueOrder):
    """In the order in which the migrations were asked for."""

    name: ClassVar[str] = "fifo"
    summary: ClassVar[str] = "first come, first served"
    source: ClassVar[str] = "KubeVirt, Nova, oVirt: work queues by time of request"

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Sequence[Candidate]:
        """Return the candidates as they came."""
        return candidates
