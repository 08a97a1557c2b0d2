"""Who may start: a queue by urgency, and limits on how many migrate at once."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

import numpy as np

from cluster_emu.state import HostColumns

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many migrations may run at once; None for no limit.

    Args:
        per_cluster: in the whole cluster.
        outbound_per_host: away from one host.
        inbound_per_host: onto one host.
    """

    per_cluster: int | None = None
    outbound_per_host: int | None = None
    inbound_per_host: int | None = None


@dataclass(slots=True)
class Admission(Generic[T]):
    """A queue of migrations that start as soon as the limits allow.

    Within one priority the order is first come, first served, but a migration whose hosts are busy
    does not hold up those behind it. The running ones are counted in the hosts' columns.

    Args:
        limits: how many may run at once.
        hosts: the columns in which running migrations are counted.
    """

    limits: Limits
    hosts: HostColumns
    running: int = 0
    _queue: list[tuple[int, int, int, int, T]] = field(default_factory=list)
    _arrivals: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        """Number of migrations that wait."""
        return len(self._queue)

    def put(self, item: T, source: int, target: int, priority: int) -> None:
        """Add a migration to the queue."""
        heapq.heappush(self._queue, (priority, next(self._arrivals), source, target, item))

    def admit(self) -> list[T]:
        """Take out, and count as running, every migration that may start now."""
        admitted = []
        kept = []
        while self._queue and not self._full(self.running, self.limits.per_cluster):
            entry = heapq.heappop(self._queue)
            _, _, source, target, item = entry
            if self._may_start(source, target):
                self._count(source, target, 1)
                admitted.append(item)
            else:
                kept.append(entry)
        for entry in kept:
            heapq.heappush(self._queue, entry)
        return admitted

    def release(self, source: int, target: int) -> None:
        """Count a running migration as over."""
        self._count(source, target, -1)

    def drop_all(self) -> list[T]:
        """Empty the queue and return what waited in it, the most urgent first."""
        waiting = [entry[-1] for entry in sorted(self._queue, key=lambda entry: entry[:2])]
        self._queue.clear()
        return waiting

    def _may_start(self, source: int, target: int) -> bool:
        limits, hosts = self.limits, self.hosts
        return not (
            self._full(int(hosts.outgoing[source]), limits.outbound_per_host)
            or self._full(int(hosts.incoming[target]), limits.inbound_per_host)
        )

    @staticmethod
    def _full(running: int, limit: int | None) -> bool:
        return limit is not None and running >= limit

    def _count(self, source: int, target: int, change: int) -> None:
        self.running += change
        self.hosts.outgoing[source] += np.int64(change)
        self.hosts.incoming[target] += np.int64(change)
