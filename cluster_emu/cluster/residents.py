"""Which VMs are on which host, so that the cost of a change grows with its hosts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster_emu.cluster.columns import ALL, IntColumn, Rows


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Some hosts with all of their VMs, or the whole cluster.

    Args:
        hosts: which hosts; a slice for all, or for one.
        vms: which VMs; a slice for all, if each is on a host.
        host_index: for each of these VMs the index of its host among these hosts, [VMs].
        host_count: how many hosts.
        numbers: the numbers of the hosts; None for all.
    """

    hosts: Rows
    vms: Rows
    host_index: IntColumn
    host_count: int
    numbers: Sequence[int] | None


class Residents:
    """The VMs of each host, as of the last update.

    Args:
        host: where each VM is, -1 for nowhere, shape [vms]; every update reads it.
        host_count: number of hosts.

    Attributes:
        host_of: where each VM was at the last update, shape [vms].
    """

    def __init__(self, host: IntColumn, host_count: int) -> None:
        self.host_of = host.copy()
        self._host = host
        self._host_count = host_count
        self._vms_of: list[IntColumn] = []
        self._flat_index_of: dict[int, IntColumn] = {}
        self._present = host[:0]
        self._present_changed = True
        self._sort_all()

    def update_all(self) -> HostGroup:
        """Take in every move since the last update and return the whole cluster."""
        if not np.array_equal(self.host_of, self._host):
            self.host_of[:] = self._host
            self._sort_all()
        elif self._present_changed:
            self._find_present()
        if len(self._present) == len(self._host):
            return HostGroup(ALL, ALL, self._host, self._host_count, None)
        present = self._present
        return HostGroup(ALL, present, self._host[present], self._host_count, None)

    def enter(self, vm: int, host: int) -> None:
        """Take in a VM that was nowhere, and is on a host from now on."""
        vms = self._vms_of[host]
        place = int(vms.searchsorted(vm))
        # slices put together are several times as fast as np.insert and np.delete
        self._vms_of[host] = np.concatenate((vms[:place], (vm,), vms[place:]))
        self._flat_index_of.pop(host, None)
        self.host_of[vm] = host
        self._present_changed = True

    def leave(self, vm: int) -> None:
        """Take a VM off its host; it is nowhere from now on."""
        host = int(self.host_of[vm])
        vms = self._vms_of[host]
        place = int(vms.searchsorted(vm))
        self._vms_of[host] = np.concatenate((vms[:place], vms[place + 1 :]))
        self._flat_index_of.pop(host, None)
        self.host_of[vm] = -1
        self._present_changed = True

    def update(self, hosts: Sequence[int]) -> HostGroup:
        """Take in moves from one of these hosts to another of them, and return these hosts."""
        vms = self._all_of(hosts)
        now_on = self._host[vms]
        if (self.host_of[vms] != now_on).any():
            self.host_of[vms] = now_on
            for host in hosts:
                self._vms_of[host] = np.sort(vms[now_on == host])
                self._flat_index_of.pop(host, None)
        return self.group(hosts)

    def group(self, hosts: Sequence[int]) -> HostGroup:
        """Return these hosts with their VMs as of the last update, ascending on each host."""
        if len(hosts) == 1:
            host, vms = hosts[0], self._vms_of[hosts[0]]
            row = slice(host, host + 1)  # read and written faster than a row by its number
            return HostGroup(row, vms, np.zeros(len(vms), dtype=np.int64), 1, hosts)
        counts = [len(self._vms_of[host]) for host in hosts]
        host_index = np.repeat(np.arange(len(hosts)), counts)
        return HostGroup(np.array(hosts), self._all_of(hosts), host_index, len(hosts), hosts)

    def vms_of(self, host: int) -> IntColumn:
        """Return the VMs of one host as of the last update, ascending."""
        return self._vms_of[host]

    def flat_index(self, host: int, row_count: int) -> IntColumn:
        """Return the flat positions of a host's VMs in a C-ordered table [row_count, vms]."""
        if host not in self._flat_index_of:
            first_of_row = np.arange(row_count)[:, np.newaxis] * len(self.host_of)
            self._flat_index_of[host] = (first_of_row + self._vms_of[host]).reshape(-1)
        return self._flat_index_of[host]

    def _all_of(self, hosts: Sequence[int]) -> IntColumn:
        if len(hosts) == 1:
            return self._vms_of[hosts[0]]
        return np.concatenate([self._vms_of[host] for host in hosts])

    def _sort_all(self) -> None:
        self._find_present()
        absent = len(self.host_of) - len(self._present)
        by_host = np.argsort(self.host_of, kind="stable")[absent:]  # those nowhere come first
        counts = np.bincount(self.host_of[by_host], minlength=self._host_count)
        ends = np.cumsum(counts)
        self._vms_of = np.split(by_host, ends[:-1])
        self._flat_index_of.clear()

    def _find_present(self) -> None:
        self._present = np.flatnonzero(self.host_of >= 0)
        self._present_changed = False
