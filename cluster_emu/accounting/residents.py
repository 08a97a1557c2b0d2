"""Which VMs are on which host, so that some hosts cost what they hold and not the whole cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster_emu.state import ALL, IntColumn, Rows


@dataclass(frozen=True, slots=True)
class Part:
    """Some hosts with all of their VMs, or the whole cluster.

    Args:
        hosts: which hosts; a slice for all.
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
        if (self.seen[vms] != self._host[vms]).any():
            self.seen[vms] = self._host[vms]
            for host in hosts:
                self._vms_of[host] = np.sort(vms[self.seen[vms] == host])
        return self.of(hosts)

    def on(self, host: int) -> IntColumn:
        """Return the VMs last seen on a host, ascending."""
        return self._vms_of[host]

    def of(self, hosts: Sequence[int]) -> Part:
        """Return these hosts with the VMs last seen there, ascending on each host."""
        counts = [len(self._vms_of[host]) for host in hosts]
        place = np.repeat(np.arange(len(hosts)), counts)
        return Part(np.array(hosts), self._all_of(hosts), place, len(hosts))

    def _all_of(self, hosts: Sequence[int]) -> IntColumn:
        return np.concatenate([self._vms_of[host] for host in hosts])

    def _sort_all(self) -> None:
        by_host = np.argsort(self.seen, kind="stable")
        ends = np.cumsum(np.bincount(self.seen, minlength=self._host_count))
        self._vms_of = np.split(by_host, ends[:-1])
