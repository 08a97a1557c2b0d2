"""Much memory first."""

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


@queue_orders.register("largest-first")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LargestFirst(QueueOrder):
    """The VM with the most memory first; equals as they came."""

    name: ClassVar[str] = "largest-first"
    summary: ClassVar[str] = "the most memory first"
    source: ClassVar[str] = (
        "longest processing time first (Graham, SIAM J. Appl. Math. 17, 1969), with memory for "
        "the length"
    )

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Sequence[Candidate]:
        """Return the candidates by decreasing memory."""
        return sorted(candidates, key=lambda each: -view.vms.memory_bytes[each.vm])
