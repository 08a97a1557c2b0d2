"""What is entered for hosts and VMs: CPU shares, SLATAH, PDM, shutdowns. By hand."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.validation.cloudsim import _kernels as kernels
from cluster_emu.validation.cloudsim.inventory import measured_watts, new_hosts, new_vms

WATTS = measured_watts()


class Cluster:
    """Hosts and VMs of 2500 MIPS with constant demands; VM i is on the host given for it."""

    def __init__(self, hosts: int, demands: list[float], on: list[int]) -> None:
        self.hosts, self.vms = new_hosts(hosts), new_vms(len(on))
        self.vms["mips"], self.vms["host"] = 2500.0, on
        self.samples = np.repeat(np.array(demands)[:, None] / 2500.0, 300, axis=1)
        self.on_host = np.zeros((hosts, len(on)), dtype=np.int32)
        for vm, host in enumerate(on):
            self.on_host[host, self.hosts["vm_count"][host]] = vm
            self.hosts["vm_count"][host] += 1
        self.totals = np.zeros(1, kernels.TOTALS)
        self.last_s = 0.0

    def observe(self, now_s: float) -> None:
        kernels.observe(
            now_s,
            self.last_s,
            self.hosts,
            self.vms,
            self.on_host,
            self.samples,
            WATTS,
            self.totals,
        )
        self.last_s = now_s

    def migrate(self, vm: int, target: int, start_s: float, end_s: float) -> None:
        moves = np.array([[vm, target]], dtype=np.int32)
        kernels.begin_migrations(moves, self.hosts, self.vms, self.on_host)
        self.observe(start_s)
        self.observe(end_s)
        kernels.finish_migrations(moves, self.hosts, self.vms, self.on_host)
        self.observe(end_s)

    def close(self) -> np.void:
        kernels.close_books(self.hosts, self.vms, self.totals)
        return self.totals[0]

    def given(self) -> list[float]:
        return list(self.vms["entry_allocated_mips"])


def test_demands_that_fit_are_given() -> None:
    cluster = Cluster(1, [1000.0, 1200.0, 1500.0], [0, 0, 0])
    cluster.observe(300.0)
    assert cluster.given() == [1000.0, 1200.0, 1500.0]
    assert cluster.hosts["free_mips"][0] == 20.0
    assert cluster.hosts["utilisation"][0] == 3700 / 3720


def test_a_full_host_gives_whole_mips() -> None:
    cluster = Cluster(1, [1400.0, 1500.0, 1600.0], [0, 0, 0])
    cluster.observe(300.0)  # x 3720 / 4500: 1157.33, 1240, 1322.67
    assert cluster.given() == [1157.0, 1240.0, 1322.0]
    assert cluster.hosts["free_mips"][0] == 0.0
    assert cluster.hosts["demand_mips"][0] == 4500.0


@pytest.mark.slow
def test_no_vm_gets_more_than_a_core() -> None:
    cluster = Cluster(1, [2000.0], [0])
    cluster.observe(300.0)
    assert cluster.given() == [1860.0]
    assert cluster.hosts["entry_cause"][0] == kernels.CAUSE_SHORTAGE


def test_an_arrival_is_booked_in_full_and_given_a_tenth() -> None:
    cluster = Cluster(2, [1000.0], [0])
    cluster.observe(300.0)
    cluster.migrate(0, 1, 300.0, 310.0)
    cluster.observe(330.0)
    sums = cluster.close()
    # both hosts are active for 10 s, then the target alone for 20 s; the source lacks nothing
    assert sums["active_s"] == 40.0
    assert sums["violated_s"] == sums["arrivals_s"] == 10.0
    assert sums["shortage_s"] == sums["rounding_s"] == 0.0
    # for 10 of 30 s the VM got 0.9 of its demand
    assert sums["lost_to_migrations"] == pytest.approx(0.1 * 1000 * 10)
    assert sums["requested"] == 1000.0 * 30
    assert sums["allocated"] == pytest.approx(1000 * 20 + 900 * 10)
    assert sums["violation_shares"] == pytest.approx(0.1) and sums["violations"] == 1
    assert (sums["completed"], sums["migrating_s"]) == (1, 10.0)
    # the source is shut down at 310 s; the target is on in the last entry of 300 s
    assert (sums["shutdowns"], sums["before_shutdown_s"]) == (1, 310.0)


def test_a_host_that_is_never_used_counts_as_one_shutdown() -> None:
    cluster = Cluster(2, [1000.0], [0])
    cluster.observe(300.0)
    cluster.observe(600.0)
    sums = cluster.close()
    assert (sums["shutdowns"], sums["before_shutdown_s"]) == (1, 300.0)


def test_while_a_vm_moves_its_target_has_a_tenth_of_its_load() -> None:
    cluster = Cluster(2, [1000.0], [0])
    cluster.observe(300.0)
    moves = np.array([[0, 1]], dtype=np.int32)
    kernels.begin_migrations(moves, cluster.hosts, cluster.vms, cluster.on_host)
    cluster.observe(300.0)
    assert cluster.hosts["utilisation"].tolist() == [1000 / 3720, 100 / 5320]


def test_some_demands_lose_a_bit_to_rounding() -> None:
    wanted = (x / 2500 * 2500 for x in np.arange(1.0, 1500.0, 0.37))
    demand = next(x for x in wanted if x * 0.9 / 0.9 < x)
    cluster = Cluster(2, [demand], [0])
    cluster.observe(300.0)
    cluster.migrate(0, 1, 300.0, 310.0)
    sums = cluster.close()
    assert (sums["arrivals_s"], sums["rounding_s"]) == (10.0, 10.0)


def test_a_vm_that_is_planned_twice_ends_at_its_second_target() -> None:
    cluster = Cluster(3, [1000.0], [0])
    moves = np.array([[0, 1], [0, 2]], dtype=np.int32)
    kernels.begin_migrations(moves, cluster.hosts, cluster.vms, cluster.on_host)
    assert cluster.vms["migrations"][0] == 2
    cluster.observe(300.0)
    kernels.finish_migrations(moves, cluster.hosts, cluster.vms, cluster.on_host)
    assert cluster.hosts["vm_count"].tolist() == [0, 0, 1]
    assert (cluster.vms["host"][0], cluster.vms["migrations"][0]) == (2, 0)


def test_an_idle_vm_is_deleted_unless_it_migrates() -> None:
    cluster = Cluster(2, [0.0, 0.0, 10.0], [0, 0, 0])
    cluster.observe(300.0)
    cluster.vms["migrations"][1] = 1
    kernels.delete_idle_vms(cluster.hosts, cluster.vms, cluster.on_host)
    assert cluster.vms["is_gone"].tolist() == [True, False, False]
    assert cluster.on_host[0, : cluster.hosts["vm_count"][0]].tolist() == [1, 2]


def test_use_between_two_samples_is_on_a_straight_line() -> None:
    samples = np.array([0.2, 0.5, 0.1, 0.1])
    assert kernels.used_share(samples, 300.0) == 0.5
    assert kernels.used_share(samples, 375.0) == pytest.approx(0.4)
    assert kernels.used_share(samples, 900.0) == pytest.approx(0.1)
