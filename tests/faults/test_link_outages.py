"""Links that go down or slow while a VM migrates over them, timed by hand.

The VM of `one_vm`: prepared at 2 s, pre-copy of 1,000 pages until 3 s at full rate, paused
at 3 s, device state from 3.5 to 4 s, resumed at 4.25 s, all over at 5.25 s. Host 0 and the switch
(node 3) are the ends of the link that fails.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.transfer.records import Phase
from tests._support.fault_checks import run_checked
from tests._support.one_vm import one_vm, ran
from tests._support.small_scenarios import PAGE, WIRE, scenario

LINK = {"between": [0, 3]}


def down(at_s: float, duration_s: float | None = None) -> dict[str, Any]:
    ends = {} if duration_s is None else {"duration_s": duration_s}
    return {"kind": "link-down", **LINK, "at_s": at_s, **ends}


def slow(at_s: float, duration_s: float, factor: float) -> dict[str, Any]:
    ends = {"duration_s": duration_s, "factor": factor}
    return {"kind": "link-slow", **LINK, "at_s": at_s, **ends}


@pytest.mark.parametrize(
    ("faults", "pause_s"),
    [
        ([down(2.5, 7.0)], 10.0),
        ([down(1.0, 4.0)], 6.0),  # it begins while the link is down
        ([down(2.5, 1.0), down(3.0, 2.0)], 5.5),  # up when both are over
        ([down(2.5, 4.0), down(3.0, 1.0)], 7.0),
        ([slow(2.5, 50.0, 0.25)], 4.5),
        ([slow(2.5, 50.0, 0.5), slow(2.5, 1.0, 0.5)], 4.0),  # a quarter for 1 s, then half
        ([slow(2.5, 50.0, 0.5), down(2.5, 1.0)], 4.5),
    ],
)
def test_live_rounds_wait_or_slow_down(faults: list[dict[str, Any]], pause_s: float) -> None:
    model, migrations = ran(one_vm(faults))
    row = migrations.iloc[0]
    assert row.outcome == "completed"
    assert row.pause_s == pytest.approx(pause_s, rel=1e-9)
    assert model.result().summary["fault_count"] == len(faults)
    assert np.array_equal(model.loop.capacities, model.links.capacity_bytes_per_s)


def test_a_vm_that_is_paused_stays_so_until_the_link_is_back() -> None:
    model, migrations = ran(one_vm([down(3.75, 10.0)]))
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.downtime_s.tolist() == pytest.approx([11.25])
    assert model.result().summary["vm_down_s"] == 0.0


def test_pushed_pages_wait_and_a_vm_that_touches_a_missing_page_too() -> None:
    busy = [
        {
            "count": 1,
            "cpu_capacity": 1,
            "memory_bytes": 1000 * PAGE,
            "profile": {"name": "uniform", "writes_per_page_s": 1.0},
            "host": 0,
        }
    ]
    given_scenario = one_vm([down(3.5, 20.0)], "post-copy").with_fields({"vms": busy})
    _, migrations = ran(given_scenario)
    row = migrations.iloc[0]
    assert row.outcome == "completed"
    assert row.resume_s == pytest.approx(3.25)
    assert row.end_s == pytest.approx(5.25 + 20.0)
    # 1,000 writes a second: the VM meets a missing page at once and stalls until the link is back
    assert 19.9 < row.fault_stall_s < 21.0


def test_a_link_that_never_comes_back_leaves_the_migration_unfinished() -> None:
    _, migrations = ran(one_vm([down(2.5)]))
    assert migrations.outcome.tolist() == ["unfinished"]
    assert migrations.why.tolist() == ["pre-copy when the run ended"]
    assert migrations.bytes.tolist() == pytest.approx([500 * WIRE])


def test_a_crash_in_an_outage_of_the_link_leaves_nothing_behind() -> None:
    crash = {"kind": "host-crash", "host": 1, "at_s": 3.0, "repair_s": 5.0}
    model, migrations = ran(one_vm([down(2.5, 20.0), crash]))
    assert migrations.outcome.tolist() == ["failed", "completed"]
    assert migrations.target.tolist() == [1, 1]  # repaired by the time it is tried again
    assert np.array_equal(model.loop.capacities, model.links.capacity_bytes_per_s)


TIMEOUTS = {
    "kubevirt-stall-detection:completion_timeout_s_per_gib=10000,retries=0": (
        "not completed after 38.1",
        38.147,
    ),
    "kubevirt:stall_detection=false,progress_timeout_s=30,completion_timeout_s_per_gib=90000,"
    "retries=0": ("no progress for 30", 31.2),
    "nova:completion_timeout_s_per_gib=20": ("not completed after 40 s", 40.0),
    "qemu:timeout_s=25": ("not completed after 25 s", 25.0),
    "vmotion:timeout_s=35": ("not completed after 35 s", 35.0),
}


@pytest.mark.parametrize("policy", TIMEOUTS)
def test_a_timeout_strikes_while_nothing_moves(policy: str) -> None:
    why, after_s = TIMEOUTS[policy]
    _, migrations = ran(one_vm([down(2.5)], transfer={"policy": policy}))
    assert migrations.outcome.tolist() == [Phase.NOT_CONVERGED]
    assert migrations.why[0].startswith(why)
    assert migrations.end_s[0] - migrations.start_s[0] == pytest.approx(after_s, abs=0.4)


@pytest.mark.parametrize(
    "policy",
    [
        "kubevirt-stall-detection:completion_timeout_s_per_gib=5000,allow_workload_disruption=true",
        "nova:completion_timeout_s_per_gib=10,timeout_action=force_complete",
        "nova:completion_timeout_s_per_gib=10,timeout_action=force_complete,permit_post_copy=true",
        "ovirt-minimal-downtime",
        "ovirt-post-copy",
        "proxmox",
        "xen",
    ],
)
def test_a_policy_that_forces_or_waits_goes_on_when_the_link_is_back(policy: str) -> None:
    _, migrations = ran(one_vm([down(2.5, 40.0)], transfer={"policy": policy}))
    assert migrations.outcome.tolist()[-1] == "completed"
    assert migrations.end_s.max() < 60.0


@pytest.mark.parametrize("stop", ["deadline:deadline_s=9", "qemu:deadline_s=9,at_deadline=stop"])
def test_a_deadline_stops_the_live_rounds_as_soon_as_the_link_is_back(stop: str) -> None:
    _, migrations = ran(one_vm([down(2.5, 40.0)], stop=stop))
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.why[0].startswith("deadline of 9 s")
    assert migrations.pause_s[0] == pytest.approx(42.5, abs=2e-3)


def test_only_flows_over_the_link_are_hit() -> None:
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "profile": "idle"}
    given_scenario = scenario(
        hosts=4,
        vms=[{**vm, "host": 0}, {**vm, "host": 2}],
        migrations=[{"vm": 0, "target": 1}, {"vm": 1, "target": 3}],
        faults=[{**down(0.5, 30.0), "between": [0, 4]}],
        run={"duration_s": 60.0},
    )
    migrations = run_checked(ClusterModel(given_scenario, rng=1)).result().migrations
    assert migrations.outcome.tolist() == ["completed"] * 2
    assert migrations.end_s[0] > 30 > 5 > migrations.end_s[1]
