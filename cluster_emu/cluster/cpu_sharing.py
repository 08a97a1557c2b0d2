"""How the CPU of each host is shared at one instant."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.columns import ALL, BoolColumn, FloatColumn, HostColumns, Rows, VMColumns
from cluster_emu.cluster.residents import HostGroup

ROUNDING = 1e-12
"""Demand above capacity by less than this share is a rounding error, no overload."""


def share_cpu(host_columns: HostColumns, vm_columns: VMColumns, group: HostGroup) -> None:
    """Grant every VM what it can use, or its proportional share where its host has too little.

    With `usable` = demand x cpu_capacity x speed of each VM, on each host::

        wanted     = sum(usable) + overhead
        used       = min(wanted, capacity)
        granted    = usable x min(1, max(capacity - overhead, 0) / sum(usable))
        unhindered = usable x min(1, capacity / sum(usable))

    Migrations come first: they run in the hypervisor, and take `cpu_overhead` of their hosts. A VM
    can use `speed` of what it wants: nothing while it is paused, less while it is slowed down.
    `cpu_unhindered` is what it would get if migrations took no CPU of its host.

    Args:
        host_columns: the columns of all hosts; `cpu_wanted` and `cpu_used` are written.
        vm_columns: those of all VMs; `cpu_granted` and `cpu_unhindered` are written.
        group: the hosts to do this for, with all of their VMs.
    """
    hosts, vms = group.hosts, group.vms
    usable = vm_columns.demand[vms] * vm_columns.cpu_capacity[vms] * vm_columns.speed[vms]
    for_vms: FloatColumn = np.bincount(group.host_index, usable, group.host_count).astype(
        float, copy=False
    )
    capacity, overhead = host_columns.cpu_capacity[hosts], host_columns.cpu_overhead[hosts]
    granted = unhindered = usable * _share(capacity, for_vms)[group.host_index]
    if overhead.any():
        remaining = np.maximum(capacity - overhead, 0.0)
        granted = usable * _share(remaining, for_vms)[group.host_index]
    vm_columns.cpu_granted[vms] = granted
    vm_columns.cpu_unhindered[vms] = unhindered
    wanted = for_vms + overhead
    host_columns.cpu_wanted[hosts] = wanted
    host_columns.cpu_used[hosts] = np.minimum(wanted, capacity)


def _share(available: FloatColumn, wanted: FloatColumn) -> FloatColumn:
    # the lower bound makes the share 1 on a host without demand, without a division by 0
    return np.minimum(1.0, available / np.maximum(wanted, 1e-300))


def overloaded(columns: HostColumns, hosts: Rows = ALL) -> BoolColumn:
    """Return the hosts of which more CPU is wanted than they have, as of `share_cpu`, [hosts]."""
    over: BoolColumn = columns.cpu_wanted[hosts] > columns.cpu_capacity[hosts] * (1 + ROUNDING)
    return over
