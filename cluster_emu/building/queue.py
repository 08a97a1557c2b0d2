"""How the migrations of a scenario wait for each other."""

from __future__ import annotations

from cluster_emu.building.making import make
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.scenario import Manager
from cluster_emu.scheduling.orders import queue_orders
from cluster_emu.scheduling.slots import QueueRules


def queue_rules(manager: Manager, usual: ConcurrencyLimits) -> QueueRules:
    """Return the scenario's rules, with the policy's limits where the scenario sets none."""
    return QueueRules(
        copying=ConcurrencyLimits(
            per_cluster=manager.max_per_cluster or usual.per_cluster,
            outbound_per_host=manager.max_outbound_per_host or usual.outbound_per_host,
            inbound_per_host=manager.max_inbound_per_host or usual.inbound_per_host,
        ),
        preparing=_preparing(manager),
        order=make(queue_orders, manager.order, "manager.order"),
        interleave=manager.interleave,
    )


def _preparing(manager: Manager) -> ConcurrencyLimits | None:
    slots = manager.preparing
    if slots is None:
        return None
    return ConcurrencyLimits(
        slots.max_per_cluster, slots.max_outbound_per_host, slots.max_inbound_per_host
    )
