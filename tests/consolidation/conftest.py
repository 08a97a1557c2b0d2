"""Small clusters to plan on: made by hand, or at random from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from cluster_emu.cluster.columns import ALL, FloatColumn, HostColumns, Rows, VMColumns
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation import Plan

GIB = 2**30


@dataclass(frozen=True)
class VM:
    """One VM of a hand-made cluster: CPU wanted, memory in GiB, and where it goes, if it does.

    `group` is the number of its anti-affinity group, `together` that of its affinity group.
    """

    host: int
    cpu: float
    memory: int = 1
    target: int = -1
    queued: bool = False
    migratable: bool = True
    group: int = -1
    together: int = -1


def cluster_state(
    cpu: Sequence[float],
    memory: Sequence[int],
    vms: Sequence[VM],
    *,
    off: Sequence[int] = (),
    drained: Sequence[int] = (),
    racks: Sequence[int] | None = None,
    time_s: float = 0.0,
) -> ClusterState:
    """Return a cluster; memory in GiB, reserved for every VM at its host and at its target."""
    n = len(cpu)
    host = np.array([vm.host for vm in vms], dtype=np.int64)
    target = np.array([vm.target for vm in vms], dtype=np.int64)
    demand = np.array([vm.cpu for vm in vms], dtype=np.float64)
    vm_memory = np.array([vm.memory * GIB for vm in vms], dtype=np.int64)
    reserved = np.zeros(n, dtype=np.int64)
    np.add.at(reserved, host, vm_memory)
    np.add.at(reserved, target[target >= 0], vm_memory[target >= 0])
    capacity = np.array(cpu, dtype=np.float64)
    hosts = HostColumns.empty(
        capacity,
        np.array(memory, dtype=np.int64) * GIB,
        np.array(racks if racks is not None else [0] * n, dtype=np.int64),
    )
    hosts.cpu_used[:] = np.minimum(np.bincount(host, demand, minlength=n), capacity)
    hosts.memory_reserved_bytes[:] = reserved
    hosts.vm_count[:] = np.bincount(host, minlength=n)
    hosts.incoming[:] = np.bincount(target[target >= 0], minlength=n)
    hosts.outgoing[:] = np.bincount(host[target >= 0], minlength=n)
    hosts.switched_on[:] = ~np.isin(np.arange(n), off)
    hosts.drained[:] = np.isin(np.arange(n), drained)
    return ClusterState(hosts, _vm_columns(host, target, demand, vm_memory, vms), time_s)


def _vm_columns(
    host: np.ndarray, target: np.ndarray, demand: FloatColumn, memory: np.ndarray, vms: Sequence[VM]
) -> VMColumns:
    columns = VMColumns.at_rest(
        np.ones(len(vms)),
        memory,
        memory // 4096,
        np.full(len(vms), 4096, dtype=np.int64),
        host,
        np.array([vm.migratable for vm in vms], dtype=np.bool_),
        np.array([vm.group for vm in vms], dtype=np.int64),
        np.array([vm.together for vm in vms], dtype=np.int64),
    )
    columns.cpu_granted[:] = demand
    columns.demand[:] = demand
    columns.intensity[:] = 1.0
    columns.target[:] = target
    columns.queued[:] = [vm.queued or vm.target >= 0 for vm in vms]
    return columns


def linear_watts(utilisation: FloatColumn, hosts: Rows = ALL) -> FloatColumn:
    """Every host: 100 W idle, 200 W when full."""
    return 100.0 + 100.0 * utilisation


def random_state(
    seed: int, hosts: int | None = None, vms: int | None = None, *, groups: int = 0
) -> ClusterState:
    """Return a cluster of up to 12 hosts and 40 VMs by default, no host over its memory.

    With `groups` some VMs are in so many anti-affinity groups, and some may not migrate.
    """
    rng = np.random.default_rng(seed)
    n = hosts or int(rng.integers(2, 13))
    wanted = vms if vms is not None else int(rng.integers(0, 41))
    memory = rng.choice([8, 16, 32], size=n) if hosts is None else np.full(n, 64)
    free = memory.copy()
    off = np.flatnonzero(rng.random(n) < 0.2)
    rows: list[VM] = []
    for _ in range(wanted):
        size = int(rng.choice([1, 2, 4]))
        homes = np.flatnonzero(free >= size)
        homes = homes[~np.isin(homes, off)]
        if len(homes) == 0:
            break
        home = int(rng.choice(homes))
        free[home] -= size
        target = int(rng.integers(n)) if rng.random() < 0.1 else -1
        if target in (-1, home) or free[target] < size or target in off:
            target = -1
        else:
            free[target] -= size
        cpu = float(rng.choice([0.0, 0.5, 1.0, 2.0])) * float(rng.random())
        more = {}
        if groups and target < 0:
            group = int(rng.integers(-groups, groups))
            if any(row.host == home and row.group == group for row in rows):
                group = -1
            more = {"group": max(group, -1), "migratable": bool(rng.random() < 0.95)}
        rows.append(VM(home, cpu, size, target, queued=bool(rng.random() < 0.05), **more))
    return cluster_state(
        cpu=rng.choice([2.0, 4.0], size=n) if hosts is None else [8.0] * n,
        memory=memory,
        vms=rows,
        off=off,
        drained=np.flatnonzero(rng.random(n) < 0.1),
        racks=np.arange(n) // 4,
    )


@pytest.fixture(scope="session")
def vm() -> type[VM]:
    """Return the row type of a hand-made cluster."""
    return VM


@pytest.fixture(scope="session")
def make_state() -> Callable[..., ClusterState]:
    """Return the builder of a cluster made by hand."""
    return cluster_state


@pytest.fixture(scope="session")
def make_random() -> Callable[..., ClusterState]:
    """Return the builder of a cluster from a seed."""
    return random_state


@pytest.fixture(scope="session")
def plan_of() -> Callable[[ClusterState], Plan]:
    """Return the builder of a plan on a state, all hosts with one linear power model."""
    return lambda state: Plan.of(state, linear_watts)
