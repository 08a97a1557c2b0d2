"""CPU shared among VMs and migrations, and the account of what VMs lost, by hand."""

from __future__ import annotations

import pytest

from cluster_emu.cluster.cpu_sharing import overloaded
from cluster_emu.metrics.service import ServiceAccount, service_rates
from tests._support.small_state import small_state


def test_a_host_with_room_gives_what_is_wanted() -> None:
    cluster = small_state([4.0], [0, 0], [0.5, 1.0])
    cluster.refresh()
    assert cluster.vms.cpu_granted.tolist() == [0.5, 1.0]
    assert cluster.hosts.cpu_used.tolist() == [1.5]
    assert not overloaded(cluster.hosts).any()


def test_migrations_are_served_before_vms() -> None:
    cluster = small_state([2.0, 2.0], [0, 0], [1.0, 0.5])
    cluster.set_cpu_overhead((0,), (1.25,), 0.0)
    cluster.refresh()
    assert cluster.vms.cpu_granted == pytest.approx([0.5, 0.25])  # 0.75 left for 1.5
    assert cluster.hosts.cpu_used.tolist() == [2.0, 0.0]
    assert overloaded(cluster.hosts).tolist() == [True, False]


def test_overhead_beyond_the_capacity_leaves_nothing() -> None:
    cluster = small_state([1.0], [0], [1.0])
    cluster.set_cpu_overhead((0,), (3.0,), 0.0)
    cluster.refresh()
    assert cluster.vms.cpu_granted.tolist() == [0.0]
    assert cluster.hosts.cpu_used.tolist() == [1.0]


def test_a_paused_vm_uses_nothing_and_leaves_room() -> None:
    cluster = small_state([1.0], [0, 0], [1.0, 1.0])
    cluster.set_guest_speed(0, 0.0, 0.0)
    cluster.refresh()
    assert cluster.vms.cpu_granted.tolist() == [0.0, 1.0]
    assert not overloaded(cluster.hosts).any()


def test_the_account_by_hand() -> None:
    cluster = small_state([1.0, 4.0], [0, 0, 1], [1.0, 1.0, 0.5])
    account = ServiceAccount(3)
    cluster.refresh()
    account.add(service_rates(cluster.vms), 10.0)  # host 0: 2 wanted, 1 there
    cluster.set_guest_speed(0, 0.0, 0.0)
    cluster.set_guest_speed(2, 0.8, 0.0)
    cluster.refresh()
    account.add(service_rates(cluster.vms), 5.0)
    account.count_stall(2, 2.0, 0.5)
    table = account.table().set_index("vm")
    assert table["cpu_wanted_s"].tolist() == [15.0, 15.0, 7.5]
    assert table["cpu_lost_to_overload_s"].tolist() == pytest.approx([5.0, 5.0, 0.0])
    assert table["cpu_lost_to_migration_s"].tolist() == pytest.approx([5.0, 0.0, 0.5 + 1.0])
    assert table["paused_s"].tolist() == [5.0, 0.0, 0.0]
    assert account.degradation_by_migration() == pytest.approx((5 / 15 + 0 + 1.5 / 7.5) / 3)
    assert account.degradation_by_overload() == pytest.approx((5 / 15 + 5 / 15 + 0) / 3)


def test_what_threads_take_is_lost_to_migration_of_every_vm_on_the_host() -> None:
    cluster = small_state([2.0, 2.0], [0, 0, 0, 1], [1.0, 1.0, 0.5, 1.0])
    cluster.set_cpu_overhead((0, 1), (1.0, 0.5), 0.0)
    account = ServiceAccount(4)
    cluster.refresh()
    account.add(service_rates(cluster.vms), 10.0)
    # Host 0 lacks 0.5 of 2.5 anyway, and gives 1 instead of 2; host 1 has enough for both.
    assert account.lost_to_overload == pytest.approx([2.0, 2.0, 1.0, 0.0])
    assert account.lost_to_migration == pytest.approx([4.0, 4.0, 2.0, 0.0])


def test_threads_beyond_the_capacity_take_no_more_than_there_was() -> None:
    cluster = small_state([1.0], [0, 0], [1.0, 1.0])
    cluster.set_cpu_overhead((0,), (3.0,), 0.0)
    cluster.refresh()
    _, to_overload, to_migration, *_ = service_rates(cluster.vms)
    assert to_overload.tolist() == [0.5, 0.5]
    assert to_migration.tolist() == [0.5, 0.5]


def test_who_wants_nothing_loses_nothing() -> None:
    account = ServiceAccount(2)
    account.add(service_rates(small_state([1.0], [0, 0], [0.0, 0.0]).vms), 10.0)
    assert account.degradation_by_migration() == 0.0
    assert account.degradation_by_overload() == 0.0
