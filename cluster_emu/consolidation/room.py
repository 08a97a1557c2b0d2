"""Whether any host could take a VM, judged for many VMs at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.consolidation.view import ClusterView

SLACK = 1e-9
"""Share of a limit by which a VM may exceed it here, as sums are rounded in another order."""


class Room:
    """The most that some hosts have free: a VM for which this is too little fits on none of them.

    The hosts are put in the order of their free memory. For each k it keeps the most free CPU among
    the k hosts with the most free memory, and where that is, so one search says for any VM how much
    CPU is free where its memory fits. VMs of one's own host look at the second most where the most
    is there. So all VMs of a cluster cost one sort and one search. While hosts only take VMs in,
    they only lose room, and what fits nowhere now will not fit later.

    Args:
        view: the cluster.
        hosts: which hosts may take a VM (mask, [hosts]).
        cpu_limits: the CPU demand up to which each host takes VMs, [hosts]; None if something else
            decides whether it has CPU for one.
    """

    def __init__(
        self, view: ClusterView, hosts: BoolColumn, cpu_limits: FloatColumn | None
    ) -> None:
        self._view = view
        rows = np.flatnonzero(hosts)
        rows = rows[np.argsort(-view.memory_free_bytes[rows], kind="stable")]
        # The place of each host in this order; one behind all of them for hosts that take none.
        self._place = np.full(len(hosts), len(rows))
        self._place[rows] = np.arange(len(rows))
        self._needs_at_most = -view.memory_free_bytes[rows]
        free = np.full(len(rows), np.inf)
        if cpu_limits is not None:
            free = cpu_limits[rows] * (1.0 + SLACK) - view.cpu_demand[rows]
        self._most, self._where, self._second = _running_two_largest(free)

    def is_short(self, vms: NDArray[np.intp]) -> tuple[BoolColumn, BoolColumn]:
        """Return for which VMs no other host has the memory, and for which none has memory and CPU.

        Args:
            vms: VMs that are on a host, [these VMs].

        Returns:
            Two masks, [these VMs]; a VM in the first one is also in the second.
        """
        view = self._view
        with_memory = np.searchsorted(
            self._needs_at_most, -view.state.vms.memory_bytes[vms], side="right"
        )
        own = self._place[view.vm_host[vms]]
        no_memory = with_memory - (own < with_memory) <= 0
        last = np.maximum(with_memory, 1) - 1
        if len(self._most) == 0:
            return no_memory, no_memory
        free = np.where(self._where[last] == own, self._second[last], self._most[last])
        return no_memory, no_memory | (view.vm_cpu_demand[vms] > free)


def _running_two_largest(
    values: FloatColumn,
) -> tuple[FloatColumn, NDArray[np.intp], FloatColumn]:
    """Return the largest of the first k values, its place, and the second largest, for each k.

    The second largest is minus infinity where there is no second value.
    """
    most = np.maximum.accumulate(values)
    is_new = np.ones(len(values), dtype=np.bool_)
    is_new[1:] = values[1:] > most[:-1]
    where = np.maximum.accumulate(np.where(is_new, np.arange(len(values)), 0))
    # The second largest so far is the largest of what never led and of the leaders overtaken.
    others = np.where(is_new, -np.inf, values)
    overtaken = np.flatnonzero(is_new)[1:]
    others[overtaken] = most[overtaken - 1]
    return most, where, np.maximum.accumulate(others)
