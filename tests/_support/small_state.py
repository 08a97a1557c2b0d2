"""Small states of a cluster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.cluster.columns import HostColumns, VMColumns
from cluster_emu.cluster.state import ClusterState

GIB = 2**30


def small_state(
    capacity: Sequence[float], host: Sequence[int], demand: Sequence[float]
) -> ClusterState:
    """Return hosts with these capacities and VMs of capacity 1, each with 1 GiB, on `host`."""
    count = len(capacity)
    hosts = HostColumns.empty(
        np.array(capacity, dtype=np.float64),
        np.full(count, 64 * GIB, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
    )
    hosts.vm_count[:] = np.bincount(host, minlength=count)
    hosts.memory_reserved_bytes[:] = hosts.vm_count * GIB
    memory = np.full(len(host), GIB, dtype=np.int64)
    vms = VMColumns.at_rest(
        np.ones(len(host)), memory, memory // 4096, np.full(len(host), 4096), np.array(host)
    )
    vms.demand[:] = demand
    return ClusterState(hosts, vms)
