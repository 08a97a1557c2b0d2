"""Which VMs are on which host, so that some hosts cost what they hold and not the whole cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster_emu.cluster.state import ALL, IntColumn, Rows


@dataclass(frozen=True, slots=True)
class Part:
    """Some hosts with all of their VMs, or the whole cluster.

    Args:
        hosts: which hosts; a slice for all, or for one.
        vms: which VMs; a slice for all.
        place: for each of these VMs the place of its host among these hosts, [VMs].
        host_count: how many hosts.
    """

    hosts: Rows
    vms: Rows
    place: IntColumn
    host_count: int


class Residents:
    """The VMs of each host as last looked at; `look` sees who has moved since.

    Args:
        host: where each VM is, shape [vms]; read again at each look.
        host_count: number of hosts.

    Attributes:
        seen: where each VM was when last looked at, shape [vms].
    """

    def __init__(self, host: IntColumn, host_count: int) -> None:
        self.seen = host.copy()
        self._host = host
        self._host_count = host_count
        self._vms_of: list[IntColumn] = []
        self._cells_of: dict[int, IntColumn] = {}
        self._sort_all()

    def look_everywhere(self) -> Part:
        """See who has moved, anywhere, and return the whole cluster."""
        if not np.array_equal(self.seen, self._host):
            self.seen[:] = self._host
            self._sort_all()
        return Part(ALL, ALL, self._host, self._host_count)

    def look(self, hosts: Sequence[int]) -> Part:
        """See who has moved from one of these hosts to another of them, and return them."""
        vms = self._all_of(hosts)
        now_on = self._host[vms]
        if (self.seen[vms] != now_on).any():
            self.seen[vms] = now_on
            for host in hosts:
                self._vms_of[host] = np.sort(vms[now_on == host])
                self._cells_of.pop(host, None)
        return self.of(hosts)

    def cells(self, host: int, rows: int) -> IntColumn:
        """Return where the VMs last seen on a host are in a table [rows, VMs] laid out flat."""
        if host not in self._cells_of:
            first_of_row = np.arange(rows)[:, np.newaxis] * len(self.seen)
            self._cells_of[host] = (first_of_row + self._vms_of[host]).reshape(-1)
        return self._cells_of[host]

    def of(self, hosts: Sequence[int]) -> Part:
        """Return these hosts with the VMs last seen there, ascending on each host."""
        if len(hosts) == 1:
            host, vms = hosts[0], self._vms_of[hosts[0]]
            row = slice(host, host + 1)  # read and written faster than a row by its number
            return Part(row, vms, np.zeros(len(vms), dtype=np.int64), 1)
        counts = [len(self._vms_of[host]) for host in hosts]
        place = np.repeat(np.arange(len(hosts)), counts)
        return Part(np.array(hosts), self._all_of(hosts), place, len(hosts))

    def _all_of(self, hosts: Sequence[int]) -> IntColumn:
        if len(hosts) == 1:
            return self._vms_of[hosts[0]]
        return np.concatenate([self._vms_of[host] for host in hosts])

    def _sort_all(self) -> None:
        by_host = np.argsort(self.seen, kind="stable")
        ends = np.cumsum(np.bincount(self.seen, minlength=self._host_count))
        self._vms_of = np.split(by_host, ends[:-1])
        self._cells_of.clear()
