"""Where the VMs are when a run begins."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod

import numpy as np

from cluster_emu.cluster.columns import IntColumn
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario


def place(
    scenario: Scenario,
    host_memory_bytes: IntColumn,
    vm_memory_bytes: IntColumn,
    rng: np.random.Generator,
) -> IntColumn:
    """Return the host of each VM, shape [vms], by memory alone.

    "spread" gives each VM to the host with the most free memory, "pack" to the first host it fits
    on, "random" to a random one it fits on; the VMs of a group with a fixed `host` start there.

    Raises:
        ScenarioError: if a VM is larger than every host, or no host has memory left for it.
    """
    memory = _RULES[scenario.placement](host_memory_bytes.tolist(), rng)
    largest = int(host_memory_bytes.max())
    hosts: list[int] = []
    for number, group in enumerate(scenario.vms):
        field, first = f"vms.{number}", len(hosts)
        for need in vm_memory_bytes[first : first + group.count].tolist():
            if need > largest:
                allowed = f"at most the largest host's {largest} bytes"
                raise ScenarioError(f"{field}.memory_bytes", need, allowed)
            if group.host is not None:
                hosts.append(_fixed(group.host, memory, need, field))
                continue
            host = memory.find(need)
            if host is None:
                fitted = len(hosts) - first
                allowed = (
                    f"what the hosts' memory holds, {fitted} with placement {scenario.placement!r}"
                )
                raise ScenarioError(f"{field}.count", group.count, allowed)
            memory.take(host, need)
            hosts.append(host)
    return np.array(hosts, dtype=np.int64)


def _fixed(host: int, memory: _FreeMemory, need: int, field: str) -> int:
    if host >= len(memory.free) or memory.free[host] < need:
        allowed = f"the number of a host below {len(memory.free)} with {need} bytes of memory left"
        raise ScenarioError(f"{field}.host", host, allowed)
    memory.take(host, need)
    return host


class _FreeMemory(ABC):
    """The free memory of the hosts, and the rule that finds a host for a VM."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        self.free = free

    @abstractmethod
    def find(self, need: int) -> int | None:
        """Return a host for a VM, None if it fits on none."""

    def take(self, host: int, need: int) -> None:
        """Take the memory of a VM from a host."""
        self.free[host] -= need


class _MostFree(_FreeMemory):
    """Keeps a heap of hosts; outdated entries are dropped when they reach its top."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        super().__init__(free, rng)
        self._heap = [(-bytes_, host) for host, bytes_ in enumerate(free)]
        heapq.heapify(self._heap)

    def find(self, need: int) -> int | None:
        while -self._heap[0][0] != self.free[self._heap[0][1]]:
            heapq.heappop(self._heap)
        host = self._heap[0][1]
        return host if self.free[host] >= need else None

    def take(self, host: int, need: int) -> None:
        super().take(host, need)
        heapq.heappush(self._heap, (-self.free[host], host))


class _First(_FreeMemory):
    """Remembers for each size the first host that may have memory; memory only becomes less."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        super().__init__(free, rng)
        self._below: dict[int, int] = {}

    def find(self, need: int) -> int | None:
        host = self._below.get(need, 0)
        while host < len(self.free) and self.free[host] < need:
            host += 1
        self._below[need] = host
        return host if host < len(self.free) else None


class _Random(_FreeMemory):
    """Draws one of all the hosts with memory."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        super().__init__(free, rng)
        self._column = np.array(free, dtype=np.int64)
        self._rng = rng

    def find(self, need: int) -> int | None:
        fits = np.flatnonzero(self._column >= need)
        return int(self._rng.choice(fits)) if len(fits) else None

    def take(self, host: int, need: int) -> None:
        super().take(host, need)
        self._column[host] -= need


_RULES: dict[str, type[_FreeMemory]] = {"spread": _MostFree, "pack": _First, "random": _Random}
