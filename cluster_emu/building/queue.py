"""How the migrations of a scenario wait for each other."""

from __future__ import annotations

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.scenario import Manager
from cluster_emu.scheduling.orders import queue_orders
from cluster_emu.scheduling.slots import QueueRules
from cluster_emu.units import slots_of


def queue_rules(manager: Manager, of_policy: ConcurrencyLimits) -> QueueRules:
    """Return the scenario's rules, with the limits of the policy where it sets none."""
    return QueueRules(
        copying=ConcurrencyLimits(
            per_cluster=slots_of(manager.max_per_cluster or of_policy.per_cluster),
            outbound_per_host=slots_of(
                manager.max_outbound_per_host or of_policy.outbound_per_host
            ),
            inbound_per_host=slots_of(manager.max_inbound_per_host or of_policy.inbound_per_host),
        ),
        preparing=_preparing(manager),
        order=create_chosen(queue_orders, manager.order, "manager.order"),
        interleave=manager.interleave,
    )


def _preparing(manager: Manager) -> ConcurrencyLimits | None:
    slots = manager.preparing
    if slots is None:
        return None
    return ConcurrencyLimits(
        slots_of(slots.max_per_cluster),
        slots_of(slots.max_outbound_per_host),
        slots_of(slots.max_inbound_per_host),
    )
