"""CPU shared among VMs and migrations, and the account of what VMs lost, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.cluster.cpu_sharing import overloaded, share_cpu
from cluster_emu.cluster.state import ClusterState, HostColumns, VMColumns
from cluster_emu.metrics.service import ServiceAccount, service_rates

GIB = 2**30


def state(capacity: list[float], host: list[int], demand: list[float]) -> ClusterState:
    """Hosts with these capacities; VMs of capacity 1 that want `demand`."""
    whole = np.full(len(capacity), 64 * GIB, dtype=np.int64)
    hosts = HostColumns.empty(np.array(capacity), whole, np.zeros(len(capacity), dtype=np.int64))
    memory = np.full(len(host), GIB, dtype=np.int64)
    vms = VMColumns.at_rest(
        np.ones(len(host)), memory, memory // 4096, np.full(len(host), 4096), np.array(host)
    )
    vms.demand[:] = demand
    return ClusterState(hosts, vms)


def test_a_host_with_room_gives_what_is_wanted() -> None:
    cluster = state([4.0], [0, 0], [0.5, 1.0])
    share_cpu(cluster)
    assert cluster.vms.cpu_granted.tolist() == [0.5, 1.0]
    assert cluster.hosts.cpu_used.tolist() == [1.5]
    assert not overloaded(cluster).any()


def test_migrations_are_served_before_vms() -> None:
    cluster = state([2.0, 2.0], [0, 0], [1.0, 0.5])
    cluster.hosts.cpu_overhead[0] = 1.25
    share_cpu(cluster)
    assert cluster.vms.cpu_granted == pytest.approx([0.5, 0.25])  # 0.75 left for 1.5
    assert cluster.hosts.cpu_used.tolist() == [2.0, 0.0]
    assert overloaded(cluster).tolist() == [True, False]


def test_overhead_beyond_the_capacity_leaves_nothing() -> None:
    cluster = state([1.0], [0], [1.0])
    cluster.hosts.cpu_overhead[0] = 3.0
    share_cpu(cluster)
    assert cluster.vms.cpu_granted.tolist() == [0.0]
    assert cluster.hosts.cpu_used.tolist() == [1.0]


def test_a_paused_vm_uses_nothing_and_leaves_room() -> None:
    cluster = state([1.0], [0, 0], [1.0, 1.0])
    cluster.vms.speed[0] = 0.0
    share_cpu(cluster)
    assert cluster.vms.cpu_granted.tolist() == [0.0, 1.0]
    assert not overloaded(cluster).any()


def test_the_account_by_hand() -> None:
    cluster = state([1.0, 4.0], [0, 0, 1], [1.0, 1.0, 0.5])
    account = ServiceAccount(3)
    share_cpu(cluster)
    account.add(service_rates(cluster.vms), 10.0)  # host 0: 2 wanted, 1 there
    cluster.vms.speed[:] = [0.0, 1.0, 0.8]
    share_cpu(cluster)
    account.add(service_rates(cluster.vms), 5.0)
    account.stalled(cluster.vms, 2, 2.0)
    table = account.table().set_index("vm")
    assert table["cpu_wanted_s"].tolist() == [15.0, 15.0, 7.5]
    assert table["cpu_lost_to_overload_s"].tolist() == pytest.approx([5.0, 5.0, 0.0])
    assert table["cpu_lost_to_migration_s"].tolist() == pytest.approx([5.0, 0.0, 0.5 + 1.0])
    assert table["paused_s"].tolist() == [5.0, 0.0, 0.0]
    assert account.degradation_by_migration() == pytest.approx((5 / 15 + 0 + 1.5 / 7.5) / 3)
    assert account.degradation_by_overload() == pytest.approx((5 / 15 + 5 / 15 + 0) / 3)


def test_what_threads_take_is_lost_to_migration_by_whoever_loses_it() -> None:
    cluster = state([2.0, 2.0], [0, 0, 0, 1], [1.0, 1.0, 0.5, 1.0])
    cluster.hosts.cpu_overhead[:] = [1.0, 0.5]
    account = ServiceAccount(4)
    share_cpu(cluster)
    account.add(service_rates(cluster.vms), 10.0)
    # Host 0 lacks 0.5 of 2.5 anyway, and gives 1 instead of 2; host 1 has enough for both.
    assert account.lost_to_overload == pytest.approx([2.0, 2.0, 1.0, 0.0])
    assert account.lost_to_migration == pytest.approx([4.0, 4.0, 2.0, 0.0])


def test_threads_beyond_the_capacity_take_no_more_than_there_was() -> None:
    cluster = state([1.0], [0, 0], [1.0, 1.0])
    cluster.hosts.cpu_overhead[0] = 3.0
    share_cpu(cluster)
    _, to_overload, to_migration, _ = service_rates(cluster.vms)
    assert to_overload.tolist() == [0.5, 0.5]
    assert to_migration.tolist() == [0.5, 0.5]


def test_who_wants_nothing_loses_nothing() -> None:
    account = ServiceAccount(2)
    account.add(service_rates(state([1.0], [0, 0], [0.0, 0.0]).vms), 10.0)
    assert account.degradation_by_migration() == 0.0
    assert account.degradation_by_overload() == 0.0
