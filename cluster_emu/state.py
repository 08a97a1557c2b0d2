"""The numpy columns behind the agents: one row per physical machine, one row per VM.

The model owns one `ClusterState`. Phases work on whole columns; an agent's attributes are views
into its row. CPU is in whatever one unit the scenario uses for hosts and VMs alike (cores, MIPS);
memory is in bytes; demand and utilisation are shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatColumn = NDArray[np.float64]
IntColumn = NDArray[np.int64]
BoolColumn = NDArray[np.bool_]


@dataclass(slots=True)
class HostColumns:
    """One row per physical machine, each column of shape [hosts].

    `memory_reserved_bytes` counts the VMs that run there and those that are on their way there
    (and, in post-copy, those whose memory has not all left yet). `switched_on` hosts draw power; a
    host in `drained` takes no new VM.
    """

    cpu_capacity: FloatColumn
    cpu_used: FloatColumn
    memory_bytes: IntColumn
    memory_reserved_bytes: IntColumn
    vm_count: IntColumn
    incoming: IntColumn
    outgoing: IntColumn
    switched_on: BoolColumn
    drained: BoolColumn
    rack: IntColumn

    @property
    def utilisation(self) -> FloatColumn:
        """Share of each host's CPU capacity in use, shape [hosts]."""
        return self.cpu_used / self.cpu_capacity

    @property
    def memory_free_bytes(self) -> IntColumn:
        """Memory that is neither in use nor reserved, shape [hosts]."""
        return self.memory_bytes - self.memory_reserved_bytes


@dataclass(slots=True)
class VMColumns:
    """One row per VM, each column of shape [vms].

    `host` is where the VM runs now; `target` where it is moving to, or -1; `queued` is True from
    the request until the migration ends. `demand` is the wanted share of `cpu_capacity`;
    `cpu_granted` what the host could give. `intensity` scales the VM's write classes;
    `dirty_pages_per_s` is the number of distinct pages dirtied per second at that intensity.
    """

    cpu_capacity: FloatColumn
    cpu_granted: FloatColumn
    demand: FloatColumn
    intensity: FloatColumn
    dirty_pages_per_s: FloatColumn
    memory_bytes: IntColumn
    page_count: IntColumn
    page_bytes: IntColumn
    host: IntColumn
    target: IntColumn
    queued: BoolColumn

    @property
    def cpu_demand(self) -> FloatColumn:
        """CPU wanted, in the scenario's CPU unit, shape [vms]."""
        return self.demand * self.cpu_capacity


@dataclass(slots=True)
class ClusterState:
    """All columns of one cluster, and the simulated time in seconds."""

    hosts: HostColumns
    vms: VMColumns
    time_s: float = 0.0

    @property
    def host_count(self) -> int:
        """Number of physical machines."""
        return len(self.hosts.cpu_capacity)

    @property
    def vm_count(self) -> int:
        """Number of VMs."""
        return len(self.vms.cpu_capacity)

    def vms_on(self, host: int) -> NDArray[np.intp]:
        """Return the numbers of the VMs that run on `host`, ascending."""
        return np.flatnonzero(self.vms.host == host)

    def sum_per_host(self, values: FloatColumn | IntColumn) -> FloatColumn:
        """Sum a VM column over the VMs of each host, shape [hosts]."""
        sums = np.bincount(self.vms.host, weights=values, minlength=self.host_count)
        return sums.astype(np.float64, copy=False)
