"""Where the VMs are when a run begins."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from cluster_emu.cluster.columns import IntColumn
from cluster_emu.errors import ScenarioError, errors_at
from cluster_emu.scenario import Scenario, VMGroup
from cluster_emu.scenario.names import numbers_meant


def place(
    scenario: Scenario,
    host_memory_bytes: IntColumn,
    vm_memory_bytes: IntColumn,
    rng: np.random.Generator,
) -> IntColumn:
    """Return the host of each VM, shape [vms], by memory, affinity and anti-affinity.

    "spread" gives each VM to the host with the most free memory, "pack" to the first host it fits
    on, "random" to a random one it fits on; the VMs of a group with a fixed `host` start there. No
    two VMs of one anti-affinity group get the same host; hosts that are fixed for some of its VMs
    are kept for these. All VMs of an affinity group get the host that the rule gives to one VM as
    large as all of them, or the one that is fixed for some of them.

    Raises:
        ScenarioError: if a VM is larger than every host, no host has memory left for it, the VMs
            of an anti-affinity group cannot be on different hosts, or those of an affinity group
            not on one.
    """
    groups = _with_common_hosts(_with_numbers(scenario))
    taken = _hosts_of_groups(groups, len(host_memory_bytes))
    homes: dict[str, int] = {}
    memory = _RULES[scenario.placement](host_memory_bytes.tolist(), rng)
    largest = int(host_memory_bytes.max())
    hosts: list[int] = []
    for number, group in enumerate(groups):
        field, first = f"vms.{number}", len(hosts)
        closed = set() if isinstance(group.host, int) else _closed(scenario, group, field)
        for need in vm_memory_bytes[first : first + group.count].tolist():
            if need > largest:
                allowed = f"at most the largest host's {largest} bytes"
                raise ScenarioError(f"{field}.memory_bytes", need, allowed)
            if isinstance(group.host, int):
                hosts.append(_fixed(group.host, memory, need, field))
                continue
            if group.affinity is not None:
                if group.affinity not in homes:
                    found = _common_home(group.affinity, groups, memory, taken, field)
                    homes[group.affinity] = found
                hosts.append(homes[group.affinity])
                continue
            apart = taken.get(group.anti_affinity, set())
            host = memory.find(need, apart | closed if closed else apart)
            if host is None:
                fitted = len(hosts) - first
                held = f"what the hosts' memory holds, {fitted} with placement"
                if closed:
                    held = (
                        f"what the hosts that may take it have memory for, {fitted} with placement"
                    )
                if memory.find(need, ()) is not None:
                    held = (
                        "what hosts without another VM of the anti-affinity group "
                        f"{group.anti_affinity!r} have memory for, {fitted} with placement"
                    )
                raise ScenarioError(f"{field}.count", group.count, f"{held} {scenario.placement!r}")
            memory.take(host, need)
            apart.add(host)
            hosts.append(host)
    return np.array(hosts, dtype=np.int64)


def _closed(scenario: Scenario, group: VMGroup, field: str) -> set[int]:
    """Return the hosts on which a VM without a fixed host may not start."""
    closed: set[int] = set()
    first = 0
    for hosts in scenario.hosts:
        if not hosts.schedulable:
            closed.update(range(first, first + hosts.count))
        first += hosts.count
    if group.allowed_hosts:
        closed |= set(range(first)) - allowed_hosts(scenario, group, field)
    return closed


def allowed_hosts(scenario: Scenario, group: VMGroup, field: str) -> set[int]:
    """Return the numbers of the hosts that may take the VMs of a group that names some.

    Raises:
        ScenarioError: if there is no such host.
    """
    with errors_at(field):
        found = numbers_meant("allowed_hosts", group.allowed_hosts, scenario.names.hosts)
        for number in found:
            if number >= scenario.host_count:
                allowed = f"numbers below {scenario.host_count}"
                raise ScenarioError("allowed_hosts", number, allowed)
    return set(found)


def _with_numbers(scenario: Scenario) -> list[VMGroup]:
    """Return the groups of VMs with the numbers of hosts in place of their names."""
    names: tuple[str, ...] | None = None
    groups = []
    for number, group in enumerate(scenario.vms):
        if isinstance(group.host, str):
            names = scenario.names.hosts if names is None else names
            with errors_at(f"vms.{number}"):
                meant = numbers_meant("host", [group.host], names)
            if len(meant) != 1:
                raise ScenarioError(f"vms.{number}.host", group.host, "one host")
            group = group.model_copy(update={"host": meant[0]})
        groups.append(group)
    return groups


def _with_common_hosts(groups: Sequence[VMGroup]) -> list[VMGroup]:
    """Return the groups of VMs, with the host of each that is fixed for its affinity group.

    Raises:
        ScenarioError: if two hosts are fixed for an affinity group, or it has two VMs of one
            anti-affinity group.
    """
    fixed: dict[str, int] = {}
    apart: Counter[tuple[str, str]] = Counter()
    for number, group in enumerate(groups):
        name = group.affinity
        if name is None:
            continue
        if isinstance(group.host, int) and fixed.setdefault(name, group.host) != group.host:
            allowed = f"{fixed[name]}, the host of other VMs of the affinity group {name!r}"
            raise ScenarioError(f"vms.{number}.host", group.host, allowed)
        if group.anti_affinity is not None:
            apart[name, group.anti_affinity] += group.count
            if apart[name, group.anti_affinity] > 1:
                allowed = f"a group with at most one VM of the affinity group {name!r}"
                raise ScenarioError(f"vms.{number}.anti_affinity", group.anti_affinity, allowed)
    return [
        group.model_copy(update={"host": fixed.get(group.affinity or "", group.host)})
        for group in groups
    ]


def _common_home(
    name: str,
    groups: Sequence[VMGroup],
    memory: _FreeMemory,
    taken: dict[str | None, set[int]],
    field: str,
) -> int:
    """Return the host of an affinity group that no host is fixed for, and take its memory there.

    Raises:
        ScenarioError: if no host has memory for all of its VMs.
    """
    members = [group for group in groups if group.affinity == name]
    need = sum(group.memory_bytes * group.count for group in members)
    apart = [taken[group.anti_affinity] for group in members if group.anti_affinity is not None]
    host = memory.find(need, set().union(*apart))
    if host is None:
        allowed = f"a group whose {need} bytes of memory one host has left for it"
        raise ScenarioError(f"{field}.affinity", name, allowed)
    memory.take(host, need)
    for hosts in apart:
        hosts.add(host)
    return host


def _hosts_of_groups(groups: Sequence[VMGroup], host_count: int) -> dict[str | None, set[int]]:
    """Return the hosts that are fixed for VMs of each anti-affinity group, by its name.

    Raises:
        ScenarioError: if two of its VMs are fixed on one host, or it has more VMs than there are
            hosts.
    """
    vms: Counter[str] = Counter()
    fixed: dict[str | None, set[int]] = {}
    for number, group in enumerate(groups):
        name = group.anti_affinity
        if name is None:
            continue
        vms[name] += group.count
        if vms[name] > host_count:
            allowed = f"a group of at most {host_count} VMs, one per host; it has {vms[name]}"
            raise ScenarioError(f"vms.{number}.anti_affinity", name, allowed)
        hosts = fixed.setdefault(name, set())
        if isinstance(group.host, int):
            if group.count > 1 or group.host in hosts:
                allowed = f"a host for one VM of the anti-affinity group {name!r} alone"
                raise ScenarioError(f"vms.{number}.host", group.host, allowed)
            hosts.add(group.host)
    return fixed


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
    def find(self, need: int, apart: Collection[int]) -> int | None:
        """Return a host for a VM other than those in `apart`, None if it fits on none."""

    def take(self, host: int, need: int) -> None:
        """Take the memory of a VM from a host."""
        self.free[host] -= need


class _MostFree(_FreeMemory):
    """Keeps a heap of hosts; outdated entries are dropped when they reach its top."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        super().__init__(free, rng)
        self._heap = [(-bytes_, host) for host, bytes_ in enumerate(free)]
        heapq.heapify(self._heap)

    def find(self, need: int, apart: Collection[int]) -> int | None:
        passed_over: list[tuple[int, int]] = []
        while self._heap:
            most, host = self._heap[0]
            outdated = -most != self.free[host]
            if not outdated and host not in apart:
                break
            entry = heapq.heappop(self._heap)
            if not outdated:
                passed_over.append(entry)
        found = self._heap[0][1] if self._heap else None
        for entry in passed_over:
            heapq.heappush(self._heap, entry)
        return found if found is not None and self.free[found] >= need else None

    def take(self, host: int, need: int) -> None:
        super().take(host, need)
        heapq.heappush(self._heap, (-self.free[host], host))


class _First(_FreeMemory):
    """Remembers for each size the first host that may have memory; memory only becomes less."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        super().__init__(free, rng)
        self._below: dict[int, int] = {}

    def find(self, need: int, apart: Collection[int]) -> int | None:
        first = self._below.get(need, 0)
        while first < len(self.free) and self.free[first] < need:
            first += 1
        self._below[need] = first
        fits = (
            host
            for host in range(first, len(self.free))
            if self.free[host] >= need and host not in apart
        )
        return next(fits, None)


class _Random(_FreeMemory):
    """Draws one of all the hosts with memory."""

    def __init__(self, free: list[int], rng: np.random.Generator) -> None:
        super().__init__(free, rng)
        self._column = np.array(free, dtype=np.int64)
        self._rng = rng

    def find(self, need: int, apart: Collection[int]) -> int | None:
        fits = np.flatnonzero(self._column >= need)
        if apart:
            fits = fits[~np.isin(fits, list(apart))]
        return int(self._rng.choice(fits)) if len(fits) else None

    def take(self, host: int, need: int) -> None:
        super().take(host, need)
        self._column[host] -= need


_RULES: dict[str, type[_FreeMemory]] = {"spread": _MostFree, "pack": _First, "random": _Random}
