"""The CPU of hosts and the time of guests that migrations use."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.service import ServiceAccount


class MigrationOverhead:
    """Updates `cpu_overhead` of hosts, and the account of guests' stalls, as migrations run.

    Args:
        state: the cluster's state.
        service: the account of the CPU time that VMs lose.
        source_cpu: CPU that one migration uses at its source, in the hosts' CPU unit.
        target_cpu: CPU that one migration uses at its target.
    """

    def __init__(
        self,
        state: ClusterState,
        service: ServiceAccount,
        source_cpu: float,
        target_cpu: float,
    ) -> None:
        self._state = state
        self._service = service
        self._source_cpu = source_cpu
        self._target_cpu = target_cpu
        self._sending = np.zeros(state.host_count, dtype=np.int64)
        self._receiving = np.zeros(state.host_count, dtype=np.int64)

    def begin(self, vm: int, source: int, target: int, now_s: float) -> None:
        """Count a migration that begins to copy."""
        self._count(source, target, 1, now_s)
        self._service.begin_migration(vm)  # the cost of both hosts has accrued

    def end(self, vm: int, source: int, target: int, now_s: float) -> None:
        """Count a migration that has stopped copying."""
        self._count(source, target, -1, now_s)
        self._service.end_migration(vm)

    def count_stall(self, vm: int, stall_s: float, demand: float) -> None:
        """Count time that a VM has waited for pages that were still at the source."""
        wanted = demand * float(self._state.vms.cpu_capacity[vm])
        self._service.count_stall(vm, stall_s, wanted)

    def _count(self, source: int, target: int, change: int, now_s: float) -> None:
        self._sending[source] += change
        self._receiving[target] += change
        hosts = source, target
        # computed from the counts, so that no rounding error accumulates
        self._state.set_cpu_overhead(hosts, (self._cpu_of(source), self._cpu_of(target)), now_s)

    def _cpu_of(self, host: int) -> float:
        sending, receiving = int(self._sending[host]), int(self._receiving[host])
        return self._source_cpu * sending + self._target_cpu * receiving
