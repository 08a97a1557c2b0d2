"""VMs with a low write rate first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.scheduling.orders.contract import (
    Candidate,
    QueueOrder,
    QueueView,
    queue_orders,
)


@queue_orders.register("lowest-write-rate-first")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LowestWriteRateFirst(QueueOrder):
    """The VM that dirties the fewest pages per second now first; equals in order of arrival."""

    name: ClassVar[str] = "lowest-write-rate-first"
    summary: ClassVar[str] = "the fewest pages dirtied per second, at present, first"
    source: ClassVar[str] = (
        "ours: VMs with low write rates do not wait for others, whose rates may fall in the wait"
    )

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Sequence[Candidate]:
        """Return the candidates by their present write rate."""
        return sorted(candidates, key=lambda each: view.vms.dirty_pages_per_s[each.vm])
