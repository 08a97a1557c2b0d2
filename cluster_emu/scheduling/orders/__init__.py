"""Which migration of one priority starts first: one file per order."""

from cluster_emu.scheduling.orders.contract import (
    Candidate,
    ChangingOrder,
    FixedOrder,
    HostSlot,
    QueuedOrder,
    QueueOrder,
    QueueView,
    Side,
    queue_orders,
)
from cluster_emu.scheduling.orders.disjoint_bottlenecks import DisjointBottlenecks
from cluster_emu.scheduling.orders.fifo import Fifo
from cluster_emu.scheduling.orders.largest_first import LargestFirst
from cluster_emu.scheduling.orders.lowest_write_rate_first import LowestWriteRateFirst
from cluster_emu.scheduling.orders.smallest_first import SmallestFirst

__all__ = [
    "Candidate",
    "ChangingOrder",
    "DisjointBottlenecks",
    "Fifo",
    "FixedOrder",
    "HostSlot",
    "LargestFirst",
    "LowestWriteRateFirst",
    "QueueOrder",
    "QueueView",
    "QueuedOrder",
    "Side",
    "SmallestFirst",
    "queue_orders",
]
