"""Migrations that share no bottleneck link run together."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.scheduling.orders.bottleneck_queue import BottleneckQueue
from cluster_emu.scheduling.orders.contract import QueuedOrder, queue_orders


@queue_orders.register("disjoint-bottlenecks")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class DisjointBottlenecks(QueuedOrder):
    """Migrations first that share no bottleneck link with another one; the others wait or follow.

    With n migrations on a link, running or chosen before, one more gets the share 1 / (n + 1) of
    its capacity. The expected rate of a migration is the smallest such share on its route, or the
    cap on its rate if that is less. The link with the smallest share is its bottleneck. A migration
    shares no bottleneck if its expected rate is the rate that it would get alone. Such migrations
    come first, by decreasing rate, equals in order of arrival. A migration whose cap is below the
    capacity of all its links also comes first while none of them is full, because it leaves a part
    of each link unused.

    Args:
        otherwise: what the other migrations do: "wait" until they share no bottleneck, or "share":
            follow by decreasing expected rate, computed again after each choice.
    """

    name: ClassVar[str] = "disjoint-bottlenecks"
    summary: ClassVar[str] = "migrations that share no bottleneck link start together"
    source: ClassVar[str] = (
        "ours; related: Bari et al., CQNCR, CNSM 2014 (groups of migrations with disjoint "
        "resources); He and Buyya, SLAMIG, arXiv 2101.09716 (concurrent groups)"
    )

    otherwise: Literal["wait", "share"] = "wait"

    def queue(self, capacity_bytes_per_s: FloatColumn) -> BottleneckQueue:
        """Return an empty queue."""
        return BottleneckQueue(capacity_bytes_per_s, shares=self.otherwise == "share")
