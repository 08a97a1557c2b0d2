"""Who of equal priority goes first: one file per order; importing this registers them."""

from cluster_emu.migration.queue_orders.contract import (
    Candidate,
    QueueOrder,
    QueueView,
    queue_orders,
)
from cluster_emu.migration.queue_orders.fifo import Fifo

__all__ = ["Candidate", "Fifo", "QueueOrder", "QueueView", "queue_orders"]
