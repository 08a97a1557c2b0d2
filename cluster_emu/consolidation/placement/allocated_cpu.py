"""The CPU that the VMs of a host may use, whatever they want now."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.view import ClusterView


def allocation_ratio_with(view: ClusterView, vm: int) -> FloatColumn:
    """Return the CPU of each host's projected VMs and `vm` over the host's CPU, [hosts].

    Above 1 where the CPU is overcommitted.
    """
    capacity, count = view.state.vms.cpu_capacity, len(view.on)
    # VMs that are nowhere have host -1 and are counted in front of the hosts.
    allocated = np.bincount(view.vm_host + 1, weights=capacity, minlength=count + 1)[1:]
    ratio: FloatColumn = (allocated + capacity[vm]) / view.state.hosts.cpu_capacity
    return ratio
