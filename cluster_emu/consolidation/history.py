"""The utilisation of hosts and VMs at the last control instants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.state import ClusterState

UtilisationTable = NDArray[np.float64]
"""Utilisations of shape [instants, hosts] or [instants, VMs], the oldest instant first."""


class UtilisationHistory:
    """Keeps the last `length` control instants, those before the present one included.

    It costs memory and time in proportion to `length`, so a run keeps what its policies ask for
    (`Policy.history_length`), and nothing where that is 0.

    Each row is written twice, `length` rows apart, so that the last `length` instants are always
    one contiguous block of the buffer and reading them copies nothing.

    Args:
        length: control instants to keep.
        state: the columns that are recorded.
    """

    def __init__(self, length: int, state: ClusterState) -> None:
        self._length = length
        self._state = state
        self._recorded = 0
        self._hosts = np.zeros((2 * length, state.host_count))
        self._vms = np.zeros((2 * length, state.vm_count))

    def record(self) -> None:
        """Append the utilisations of this instant, and forget the oldest one."""
        if self._length == 0:
            return
        hosts, vms = self._state.hosts, self._state.vms
        row = self._recorded % self._length
        running = np.flatnonzero(vms.running)
        demand = np.bincount(
            vms.host[running], weights=vms.cpu_demand[running], minlength=self._state.host_count
        )
        for copy in (row, row + self._length):
            self._hosts[copy] = demand / hosts.cpu_capacity
            self._vms[copy] = vms.demand
        self._recorded += 1

    def __len__(self) -> int:
        """Number of instants that are kept."""
        return min(self._recorded, self._length)

    @property
    def hosts(self) -> UtilisationTable:
        """CPU wanted by the VMs of each host over its capacity, [instants, hosts]; read only.

        Above 1 where the VMs wanted more than the host has.
        """
        return self._hosts[self._kept]

    @property
    def vms(self) -> UtilisationTable:
        """CPU that each VM wanted over its capacity, [instants, vms]; 0 while down; read only."""
        return self._vms[self._kept]

    @property
    def _kept(self) -> slice:
        """The rows of the kept instants: they end at the second copy of the last one."""
        if self._recorded == 0:
            return slice(0, 0)
        end = self._length + (self._recorded - 1) % self._length + 1
        return slice(end - len(self), end)
