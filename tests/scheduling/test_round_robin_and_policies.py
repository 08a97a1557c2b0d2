"""Managers' policies where migrations take turns: their clock stops while one waits."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from cluster_emu.managers import ManagerPolicy, QemuPolicy, VmotionPolicy, policies
from cluster_emu.managers.qemu_controller import PollingController
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.transfer.controller import ControllerDecision, MigrationStatus
from tests._support.policy_probes import GIB, end_round
from tests._support.small_scenarios import BPS, PAGE, scenario
from tests.test_invariants import check_sums

COUNT = 5
UNEVEN = 1.01234567
"""Keeps the ends of pages away from the times at which managers look."""
PER_ROUND = {"name": "samples", "probability": 0.3}
"""Writes a given share of the pages in each round, however long the round and the wait take."""

POLICIES = [
    "kubevirt-stall-detection:retries=0,poll_s=0.1,stall_window_s=1,completion_timeout_s_per_gib=100000",
    "kubevirt:retries=0,poll_s=0.1,stall_detection=false,progress_timeout_s=1,"
    "completion_timeout_s_per_gib=2000",
    "kubevirt:retries=0,poll_s=0.1,stall_detection=false,completion_timeout_s_per_gib=500",
    "kubevirt-stall-detection:retries=0,completion_timeout_s_per_gib=500,allow_workload_disruption=true",
    "nova:downtime_delay_s_per_gib=1,completion_timeout_s_per_gib=1",
    "nova:completion_timeout_s_per_gib=1,timeout_action=force_complete,permit_post_copy=true",
    "ovirt-minimal-downtime:poll_s=0.3",
    "ovirt-post-copy:poll_s=0.3",
    "proxmox:poll_s=0.2,near_poll_s=0.1,downtime_s=0.01",
    "qemu:timeout_s=2.5,downtime_limit_s=0.01",
    "qemu:auto_converge=true,timeout_s=7,downtime_limit_s=0.01",
    "vmotion:timeout_s=4,switchover_goal_s=0.01",
]
SAME = ["outcome", "why", "rounds", "pages_sent_precopy", "pages_sent_stop", "throttle_max"]


def drain(policy: str, profile: Any, *, turns: bool, count: int = COUNT, **more: Any) -> Scenario:
    """Return a drain of VMs that take a second each, by turns or one after the other."""
    vm = {"count": count, "cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "profile": profile}
    return scenario(
        vms=[{**vm, "host": 0}],
        migrations=[{"vm": number, "target": 1} for number in range(count)],
        manager={
            "interleave": turns,
            "max_per_cluster": 64 if turns else 1,
            "max_outbound_per_host": 64,
        },
        transfer={"policy": policy},
        link_bps=UNEVEN * BPS,
        **more,
    )


def found(given_scenario: Scenario) -> pd.DataFrame:
    model = ClusterModel(given_scenario, rng=1)
    result = model.run()
    check_sums(model, result.migrations, result.rounds)
    return result.migrations


def test_policies_of_every_manager_are_tried() -> None:
    tried = {re.split("[:-]", policy)[0] for policy in POLICIES}
    assert tried == {name.split("-")[0] for name in policies.names()} - {"xen"}  # it only counts


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_acts_by_turns_as_it_does_on_one_alone(policy: str) -> None:
    by_turns = found(drain(policy, PER_ROUND, turns=True))
    alone = found(drain(policy, PER_ROUND, turns=False))
    pd.testing.assert_frame_equal(by_turns[SAME], alone[SAME])
    assert (by_turns["waited_s"] > 0).any()
    sending_s = by_turns["total_time_s"] - by_turns["waited_s"]
    assert sending_s.tolist() == pytest.approx(alone["total_time_s"].tolist(), abs=1e-6)


def test_no_look_falls_into_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[MigrationStatus] = []
    check = PollingController.check

    def noting(controller: PollingController, view: MigrationStatus) -> ControllerDecision:
        views.append(view)
        return check(controller, view)

    monkeypatch.setattr(PollingController, "check", noting)
    migrations = found(
        drain(
            "kubevirt-stall-detection:poll_s=0.1,completion_timeout_s_per_gib=2000",
            PER_ROUND,
            turns=True,
        )
    )
    assert migrations["waited_s"].max() > 1.0
    assert min(view.bytes_per_s for view in views) > 0
    looks = sorted({round(view.elapsed_s, 6) for view in views})
    assert looks == pytest.approx([0.1 * number for number in range(1, len(looks) + 1)])


HOT = {
    "name": "inline",
    "classes": [
        {"share": 0.35, "writes_per_page_s": 60.0},
        {"share": 0.65, "writes_per_page_s": 0.0},
    ],
}
"""Writes a set of pages again in every round; too many of them for 0.3 s of downtime."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "policy",
    [
        "kubevirt-stall-detection:retries=0,poll_s=0.1,completion_timeout_s_per_gib=10000,stall_window_s=8",
        "kubevirt:retries=0,poll_s=0.1,completion_timeout_s_per_gib=4000,stall_detection=false,"
        "progress_timeout_s=3,allow_workload_disruption=true",
        "nova:downtime_delay_s_per_gib=1,completion_timeout_s_per_gib=10",
        "proxmox",
        "qemu:auto_converge=true,timeout_s=40",
    ],
)
def test_healthy_migrations_are_not_given_up_for_waiting(policy: str) -> None:
    given_scenario = drain(policy, HOT, turns=True, count=8, strategy="qemu")
    migrations = found(given_scenario)
    assert set(migrations["outcome"]) == {"completed"}
    assert migrations["waited_s"].max() > 10.0


def test_a_guest_that_writes_too_fast_is_slowed_down_by_turns_too() -> None:
    policy = "qemu:auto_converge=true,timeout_s=40"
    by_turns, alone = (
        found(drain(policy, HOT, turns=turns, strategy="qemu")) for turns in (True, False)
    )
    # what it writes in the waits has to be sent, too
    assert by_turns["throttle_max"].min() >= alone["throttle_max"].min() > 0


def rounds_of(policy: ManagerPolicy, throttles: list[float], dirtied: int) -> None:
    """Hold throttles after rounds of 2 s that send 100,000 pages, each after a wait of 8 s."""
    controller = policy.create_controller(GIB)
    for number, throttle in enumerate(throttles):
        left = 100_000 + dirtied
        end_round(
            controller,
            2.0 * (number + 1),
            left,
            before=200_000,
            pages_per_s=50_000,
            waited_s=8.0 * number,
        )
        assert controller.throttle() == pytest.approx(throttle)


def test_auto_converge_compares_with_what_the_round_has_sent() -> None:
    # 60,000 of 100,000 pages: more than half, independent of the time
    rounds_of(QemuPolicy(auto_converge=True), [0.0, 0.2, 0.2, 0.3], 60_000)
    rounds_of(QemuPolicy(auto_converge=True), [0.0, 0.0, 0.0, 0.0], 40_000)


def test_dirty_limit_holds_a_guest_to_its_quota_by_the_wall_clock() -> None:
    # 60,000 pages in 10 s, half of it too much
    quota = 3_000.0 * PAGE
    policy = QemuPolicy(dirty_limit=True, vcpu_dirty_limit_bytes_per_s=quota)
    rounds_of(policy, [0.0, 0.5], 60_000)


def test_vmotion_leaves_a_guest_four_fifths_of_what_is_sent_waits_or_not() -> None:
    # It writes as many pages as are sent, at 80 % of its speed after the first round; so by itself
    # it would write a quarter more.
    rounds_of(VmotionPolicy(), [0.2, 1 - 0.8 / 1.25], 100_000)
