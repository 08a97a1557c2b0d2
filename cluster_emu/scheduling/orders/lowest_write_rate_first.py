"""VMs with a low write rate first."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn, VMColumns
from cluster_emu.scheduling.orders.contract import ChangingOrder, queue_orders


@queue_orders.register("lowest-write-rate-first")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class LowestWriteRateFirst(ChangingOrder):
    """The VM that dirties the fewest pages per second now first; equals in order of arrival."""

    name: ClassVar[str] = "lowest-write-rate-first"
    summary: ClassVar[str] = "the fewest pages dirtied per second, at present, first"
    source: ClassVar[str] = (
        "ours: VMs with low write rates do not wait for others, whose rates may fall in the wait"
    )

    def keys(self, vms: VMColumns) -> FloatColumn:
        """Return the present write rates, in pages per second."""
        return vms.dirty_pages_per_s
