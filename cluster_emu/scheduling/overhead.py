"""What migrations take of their hosts' CPU, and leave to the guests."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.cost_accounting import Settle
from cluster_emu.metrics.service import ServiceAccount


class Load:
    """Keeps the columns `cpu_overhead` and `speed` in step with the migrations that copy.

    Args:
        state: the columns.
        service: the account of what VMs lose.
        source_cpu: CPU one migration takes of its source, in the hosts' CPU unit.
        target_cpu: CPU one migration takes of its target.
        before_change: called before a column changes.
    """

    def __init__(
        self,
        state: ClusterState,
        service: ServiceAccount,
        source_cpu: float,
        target_cpu: float,
        before_change: Settle,
    ) -> None:
        self._state = state
        self._service = service
        self._source_cpu = source_cpu
        self._target_cpu = target_cpu
        self._before_change = before_change
        self._sending = np.zeros(state.host_count, dtype=np.int64)
        self._receiving = np.zeros(state.host_count, dtype=np.int64)

    def begin(self, source: int, target: int, now_s: float) -> None:
        """Count a migration that begins to copy."""
        self._count(source, target, 1, now_s)

    def end(self, source: int, target: int, now_s: float) -> None:
        """Count a migration that copies no more."""
        self._count(source, target, -1, now_s)

    def guest(self, vm: int, speed: float, now_s: float) -> None:
        """Leave a VM this share of the CPU time it wants: 0 pauses it."""
        self._before_change(now_s, [int(self._state.vms.host[vm])])
        self._state.vms.speed[vm] = speed

    def stalled(self, vm: int, stall_s: float) -> None:
        """Count time that a VM has waited for pages it had left behind."""
        self._service.stalled(self._state.vms, vm, stall_s)

    def _count(self, source: int, target: int, change: int, now_s: float) -> None:
        self._before_change(now_s, (source, target))
        self._sending[source] += change
        self._receiving[target] += change
        if not self._source_cpu and not self._target_cpu:
            return
        for host in (source, target):
            # counted anew, so that no rounding error stays behind
            self._state.hosts.cpu_overhead[host] = (
                self._source_cpu * self._sending[host] + self._target_cpu * self._receiving[host]
            )
