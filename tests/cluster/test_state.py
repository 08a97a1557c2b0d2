"""Nothing but the state's own methods changes its columns, and these change what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from cluster_emu.cluster.columns import HostColumns, VMColumns
from cluster_emu.cluster.residents import HostGroup, Residents
from cluster_emu.cluster.state import ClusterState
from tests._support.small_state import GIB, small_state

HOST_COLUMNS = [field.name for field in fields(HostColumns)]
VM_COLUMNS = [field.name for field in fields(VMColumns)]


class NotedCost:
    """Notes for which hosts cost was accrued, and whose rates were read."""

    def __init__(self, state: ClusterState) -> None:
        self.accrued: list[tuple[float, list[int] | None]] = []
        self.read: list[list[int]] = []
        self.host_count = state.host_count
        state.register_cost(self)
        state.refresh()
        self.read.clear()

    def accrue(self, until_s: float, hosts: Sequence[int] | None) -> None:
        self.accrued.append((until_s, None if hosts is None else sorted(hosts)))

    def read_rates(self, group: HostGroup) -> None:
        self.read.append(np.arange(self.host_count)[group.hosts].tolist())


@pytest.fixture
def state() -> ClusterState:
    """Three hosts; VMs 0 and 1 on host 0, VM 2 on host 1."""
    return small_state([2.0, 2.0, 2.0], [0, 0, 1], [0.5, 1.0, 0.25])


@pytest.mark.parametrize(
    ("table", "name"),
    [("hosts", name) for name in HOST_COLUMNS] + [("vms", name) for name in VM_COLUMNS],
)
def test_no_column_can_be_written_from_outside(state: ClusterState, table: str, name: str) -> None:
    columns = getattr(state, table)
    column = getattr(columns, name)
    before = column.copy()
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        column[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        np.add(column, column, out=column)
    with pytest.raises(FrozenInstanceError):
        setattr(columns, name, before)
    assert getattr(columns, name).tolist() == before.tolist()


def test_readers_see_every_change_in_the_columns_they_hold(state: ClusterState) -> None:
    host, speed = state.vms.host, state.vms.speed
    state.move_vm(0, 2, 1.0)
    state.set_guest_speed(0, 0.5, 1.0)
    assert host.tolist() == [2, 0, 1]
    assert speed.tolist() == [0.5, 1.0, 1.0]


CHANGES = {
    "set_guest_speed": (lambda s: s.set_guest_speed(2, 0.0, 5.0), [1]),
    "set_cpu_overhead": (lambda s: s.set_cpu_overhead((0, 2), (0.5, 0.25), 5.0), [0, 2]),
    "reserve_move": (lambda s: s.reserve_move(0, 2, 5.0), [2]),
    "move_vm": (lambda s: s.move_vm(0, 2, 5.0), [0, 2]),
    "switch_off": (lambda s: s.switch_off([2], 5.0), [2]),
    "take_down": (lambda s: s.take_down([0, 2], 5.0), [0, 1]),
    "lose_vm": (lambda s: s.lose_vm(2, 5.0), [1]),
    "set_demand": (lambda s: s.set_demand(np.ones(3), 5.0), None),
    "crash_hosts": (lambda s: s.crash_hosts([1], 5.0), None),
    "repair_hosts": (lambda s: s.repair_hosts([1], 5.0), None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_accrues_cost_on_its_hosts_first_and_shares_their_cpu_later(
    state: ClusterState, change: str
) -> None:
    do, hosts = CHANGES[change]
    cost = NotedCost(state)
    do(state)
    assert cost.accrued[0] == (5.0, hosts)
    assert cost.read == []  # CPU is shared once, when all changes of the instant are made
    state.accrue(6.0)
    (read,) = cost.read
    assert set(read) >= set(hosts or [])


def test_a_demand_that_does_not_change_accrues_nothing(state: ClusterState) -> None:
    cost = NotedCost(state)
    state.set_demand(np.array([0.5, 1.0, 0.25]), 5.0)
    assert cost.accrued == []


def test_a_migration_reserves_moves_and_releases(state: ClusterState) -> None:
    state.switch_off([2], 0.0)
    state.reserve_move(1, 2, 1.0)
    state.count_copying(0, 2, 1)
    assert (state.vms.queued[1], state.vms.target[1], state.vms.host[1]) == (True, 2, 0)
    assert state.hosts.switched_on[2]
    assert state.hosts.memory_reserved_bytes.tolist() == [2 * GIB, GIB, GIB]
    assert (state.hosts.outgoing.tolist(), state.hosts.incoming.tolist()) == ([1, 0, 0], [0, 0, 1])
    state.move_vm(1, 2, 2.0)
    assert state.hosts.vm_count.tolist() == [1, 1, 1]
    state.release_move(1, 0)
    state.count_copying(0, 2, -1)
    assert (state.vms.queued[1], state.vms.target[1], state.vms.host[1]) == (False, -1, 2)
    assert state.hosts.memory_reserved_bytes.tolist() == [GIB, GIB, GIB]
    assert not (state.hosts.outgoing.any() or state.hosts.incoming.any())


def test_a_crash_takes_vms_down_until_their_restart(state: ClusterState) -> None:
    state.crash_hosts([0], 10.0)
    state.take_down([0, 1], 10.0)
    state.set_demand(np.ones(3), 11.0)
    assert state.vms.demand.tolist() == [0.0, 0.0, 1.0]
    assert (state.hosts.failed[0], state.hosts.switched_on[0]) == (True, False)
    state.lose_vm(1, 10.0)
    assert state.hosts.memory_reserved_bytes[0] == GIB  # that of the VM to restart
    state.restart_vm(0, 2, 14.0)
    assert state.vms.running.tolist() == [True, False, True]
    assert state.vms.host[0] == 2
    assert state.vms.down_s(20.0).tolist() == [4.0, 10.0, 0.0]
    assert state.vms.restarts.tolist() == [1, 0, 0]
    assert state.hosts.vm_count.tolist() == [0, 1, 1]
    assert state.hosts.memory_reserved_bytes.tolist() == [0, GIB, GIB]
    state.repair_hosts([0], 30.0)
    assert (state.hosts.failed[0], state.hosts.switched_on[0]) == (False, True)


def test_residents_follow_moves_among_the_hosts_updated() -> None:
    host = np.array([0, 1, 1, 2, 0])
    residents = Residents(host, 4)
    host[[1, 4]] = [3, 1]
    group = residents.update([0, 1, 3])
    assert group.vms.tolist() == [0, 2, 4, 1]
    assert group.host_index.tolist() == [0, 1, 1, 2]
    host[3] = 0
    residents.update_all()
    assert residents.group([0, 2]).vms.tolist() == [0, 3]
