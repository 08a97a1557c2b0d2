"""Little memory first."""

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


@queue_orders.register("smallest-first")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class SmallestFirst(QueueOrder):
    """The VM with the least memory first; equals as they came."""

    name: ClassVar[str] = "smallest-first"
    summary: ClassVar[str] = "the least memory first"
    source: ClassVar[str] = "shortest job first, with memory for the length"

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Sequence[Candidate]:
        """Return the candidates by increasing memory."""
        return sorted(candidates, key=lambda each: view.vms.memory_bytes[each.vm])
