"""How the CPU of each host is shared at one instant."""

from __future__ import annotations

import numpy as np

from cluster_emu.state import BoolColumn, ClusterState

ROUNDING = 1e-12
"""Demand above capacity by less than this share is a rounding error, no overload."""


def share_cpu(state: ClusterState) -> None:
    """Grant every VM what it wants, or its proportional share where its host has too little.

    Migrations come first: they run in the hypervisor, and take `cpu_overhead` of their hosts. A VM
    can use `speed` of what it wants: nothing while it is paused, less while it is slowed down.
    """
    vms, hosts = state.vms, state.hosts
    usable = vms.cpu_demand * vms.speed
    for_vms = state.sum_per_host(usable)
    left = np.maximum(hosts.cpu_capacity - hosts.cpu_overhead, 0.0)
    granted_share = np.minimum(1.0, left / np.maximum(for_vms, 1e-300))
    vms.cpu_granted[:] = usable * granted_share[vms.host]
    hosts.cpu_wanted[:] = for_vms + hosts.cpu_overhead
    hosts.cpu_used[:] = np.minimum(hosts.cpu_wanted, hosts.cpu_capacity)


def overloaded(state: ClusterState) -> BoolColumn:
    """Return the hosts of which more CPU is wanted than they have, as of `share_cpu`, [hosts]."""
    over: BoolColumn = state.hosts.cpu_wanted > state.hosts.cpu_capacity * (1 + ROUNDING)
    return over
