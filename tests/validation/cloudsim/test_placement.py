"""Where VMs go: at the start, and in a plan."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster_emu.validation.cloudsim import _kernels as kernels
from cluster_emu.validation.cloudsim._kernels import DETECT_FIXED, HISTORY_LENGTH
from cluster_emu.validation.cloudsim.inventory import measured_watts, new_hosts, new_vms

WATTS = measured_watts()
G4, G5 = 0, 1


def test_power_is_measured_at_tenths_and_straight_between() -> None:
    for kind in (G4, G5):
        for tenth in range(11):
            assert kernels.watts(WATTS[kind], tenth / 10) == WATTS[kind, tenth]
    assert kernels.watts(WATTS[G4], 0.25) == pytest.approx((92.6 + 96.0) / 2)
    assert kernels.watts(WATTS[G5], 0.93) == pytest.approx(129 * 0.0 + 133 + 0.3 * 2)


def test_hosts_alternate_and_vms_come_in_blocks() -> None:
    hosts, vms = new_hosts(3), new_vms(6)
    assert hosts["mips"].tolist() == [3720.0, 5320.0, 3720.0]
    assert vms["mips"].tolist() == [2500.0, 2500.0, 2000.0, 2000.0, 1000.0, 1000.0]
    assert new_vms(8)["ram_mb"].tolist() == [870, 870, 1740, 1740, 1740, 1740, 613, 613]


def placed(hosts: NDArray[np.void], vms: NDArray[np.void], *, first_fit: bool) -> list[int]:
    on_host = np.zeros((len(hosts), len(vms)), dtype=np.int32)
    assert kernels.place_all(hosts, vms, on_host, WATTS, first_fit) == -1
    for vm, host in enumerate(vms["host"]):
        assert vm in on_host[host, : hosts["vm_count"][host]]
    return list(vms["host"])


def test_first_fit_fills_the_first_host_with_room() -> None:
    # 2500 MIPS need a G5's core (2660); 1860 are too few. 2 x 2500 leave 320 of 5320
    vms = new_vms(4)
    vms["mips"], vms["ram_mb"] = [2500, 2500, 500, 1000], 613
    assert placed(new_hosts(4), vms, first_fit=True) == [1, 1, 0, 0]


def test_memory_counts_at_the_start() -> None:
    vms = new_vms(3)
    vms["mips"], vms["ram_mb"] = 500, 1740  # the third one would need 5220 of 4096 MB
    assert placed(new_hosts(2), vms, first_fit=True) == [0, 0, 1]
    homeless = new_vms(5)
    homeless["mips"], homeless["ram_mb"] = 500, 1740
    on_host = np.zeros((2, 5), dtype=np.int32)
    assert kernels.place_all(new_hosts(2), homeless, on_host, WATTS, True) == 4


def test_power_is_compared_with_that_of_an_idle_host_so_vms_spread() -> None:
    # 500 MIPS: 3.4 x 1.344 = 4.57 W on a G4, 3.3 x 0.94 = 3.1 W on a G5; two on a G5: 6.8 W
    vms = new_vms(4)
    vms["mips"], vms["ram_mb"] = 500, 613
    assert placed(new_hosts(4), vms, first_fit=False) == [1, 3, 0, 2]


class Plan:
    """A few hosts with a demand of their own, and VM 0, which wants 500 MIPS."""

    def __init__(self, count: int, *, ram_mb: float = 613.0) -> None:
        self.hosts, self.vms = new_hosts(count), new_vms(1)
        self.vms["mips"], self.vms["demand_mips"], self.vms["ram_mb"] = 500.0, 500.0, ram_mb
        self.planned = np.zeros(count, kernels.PLANNED)
        self.planned["free_mips"] = self.hosts["mips"]
        self.planned["watts_now"] = WATTS[self.hosts["kind"], 0]
        self.loads = np.zeros((2, 1, HISTORY_LENGTH))
        self.rules = np.zeros(1, kernels.RULES)
        self.rules["detection"], self.rules["parameter"] = DETECT_FIXED, 0.8
        self.rules["ignores_memory"] = True

    def load(self, host: int, mips: float, *, measured: bool = True) -> None:
        """Give a host a demand; the power that was measured knows of it or not."""
        row = self.planned[host]
        row["demand_mips"] = row["allocated_mips"] = mips
        row["free_mips"] -= mips
        if measured:
            kind = self.hosts["kind"][host]
            row["watts_now"] = kernels.watts(WATTS[kind], mips / self.hosts["mips"][host])

    def target(self, *among: int) -> int:
        targets = np.array(among or range(len(self.hosts)), dtype=np.int32)
        return int(
            kernels.find_target(
                self.rules[0],
                0,
                targets,
                len(targets),
                self.hosts,
                self.vms,
                self.planned,
                self.loads,
                WATTS,
            )
        )


def test_the_first_of_equal_hosts_is_taken() -> None:
    plan = Plan(6)
    assert plan.target() == 1  # of the three G5, which cost less than a G4
    assert plan.target(0, 2, 4) == 0
    assert plan.target(4, 2) == 4  # the order of the candidates is that of the hosts


def test_the_least_rise_in_power_wins() -> None:
    # G4 from 0.60 to 0.734: 106 -> 108.69 W; G5 from 0.5 to 0.594: 116 -> 120.70 W
    plan = Plan(2)
    plan.load(0, 0.6 * 3720)
    plan.load(1, 0.5 * 5320)
    assert plan.target() == 0


def test_a_host_that_is_off_costs_its_load_alone() -> None:
    # on at 0.4, a G5 rises by 6 x 0.94 W; off by 3.3 x 0.94 W, though it would take 93.7 W more
    plan = Plan(4)
    plan.load(1, 0.4 * 5320)
    assert plan.target(1, 3) == 3


def test_what_is_planned_does_not_change_the_power_that_is_deducted() -> None:
    # the second VM of a plan seems to cost what both do: issue 167 of CloudSim
    plan = Plan(4)
    plan.load(1, 500.0, measured=False)
    assert plan.target(1, 3) == 3
    plan.load(3, 600.0, measured=False)
    assert plan.target(1, 3) == 1


def test_a_host_that_would_be_overloaded_is_left_out() -> None:
    plan = Plan(2)
    plan.load(0, 0.7 * 3720)  # 0.834 with the VM
    assert plan.target(0) == -1
    plan.rules["parameter"] = 0.9
    assert plan.target(0) == 0


def test_an_empty_host_is_not_tested_for_overload() -> None:
    plan = Plan(1)
    plan.rules["parameter"] = 0.1
    assert plan.target() == 0


def test_cores_and_free_cpu_limit_but_memory_only_if_enforced() -> None:
    plan = Plan(1, ram_mb=5000.0)
    assert plan.target() == 0
    plan.rules["ignores_memory"] = False
    assert plan.target() == -1
    plan = Plan(1)
    plan.vms["demand_mips"] = 1861.0
    assert plan.target() == -1
    plan = Plan(1)
    plan.planned["free_mips"] = 499.0
    assert plan.target() == -1
