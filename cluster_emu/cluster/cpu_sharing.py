"""How the CPU of each host is shared at one instant."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.residents import Part
from cluster_emu.cluster.state import ALL, BoolColumn, ClusterState, FloatColumn, Rows

ROUNDING = 1e-12
"""Demand above capacity by less than this share is a rounding error, no overload."""


def share_cpu(state: ClusterState, part: Part | None = None) -> None:
    """Grant every VM what it wants, or its proportional share where its host has too little.

    Migrations come first: they run in the hypervisor, and take `cpu_overhead` of their hosts. A VM
    can use `speed` of what it wants: nothing while it is paused, less while it is slowed down. What
    it would get on a host without migrations goes to `cpu_unhindered`.

    Args:
        state: the columns.
        part: the hosts to do this for, with all of their VMs; None for all.
    """
    part = part or Part(ALL, ALL, state.vms.host, state.host_count)
    hosts, vms = part.hosts, part.vms
    usable = state.vms.demand[vms] * state.vms.cpu_capacity[vms] * state.vms.speed[vms]
    for_vms: FloatColumn = np.bincount(part.place, usable, part.host_count).astype(
        float, copy=False
    )
    capacity, overhead = state.hosts.cpu_capacity[hosts], state.hosts.cpu_overhead[hosts]
    granted = unhindered = usable * _share(capacity, for_vms)[part.place]
    if overhead.any():
        left = np.maximum(capacity - overhead, 0.0)
        granted = usable * _share(left, for_vms)[part.place]
    state.vms.cpu_granted[vms] = granted
    state.vms.cpu_unhindered[vms] = unhindered
    wanted = for_vms + overhead
    state.hosts.cpu_wanted[hosts] = wanted
    state.hosts.cpu_used[hosts] = np.minimum(wanted, capacity)


def _share(there: FloatColumn, wanted: FloatColumn) -> FloatColumn:
    return np.minimum(1.0, there / np.maximum(wanted, 1e-300))


def overloaded(state: ClusterState, hosts: Rows = ALL) -> BoolColumn:
    """Return the hosts of which more CPU is wanted than they have, as of `share_cpu`, [hosts]."""
    columns = state.hosts
    over: BoolColumn = columns.cpu_wanted[hosts] > columns.cpu_capacity[hosts] * (1 + ROUNDING)
    return over
