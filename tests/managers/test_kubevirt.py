"""KubeVirt: stalls on hand-made series of bytes left, what is done about them, and timeouts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cluster_emu.managers import (
    KubeVirtPolicy,
    StallAction,
    StallDetectionPolicy,
    StallDetector,
    policies,
)
from cluster_emu.managers.stall_detection import SmoothedRate
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationAction,
    MigrationController,
)
from tests._support.policy_probes import (
    GIB,
    RATE,
    SECOND,
    MeanFieldMigration,
    check_when_due,
    end_round,
    limit_ms,
)


def detector() -> StallDetector:
    return StallDetector(window_s=40.0, margin=0.04, patience_factor=0.5)


def decisions(series: list[tuple[float, float]]) -> list[str]:
    """Return for each round (its start, bytes left) what the detector makes of it."""
    stalls = detector()
    seen = []
    for elapsed_s, left in series:
        now = stalls.good_moment(elapsed_s, left)
        seen.append("act" if now else "wait" if stalls.stalled else "-")
    return seen


def every(seconds: float, lefts: list[float]) -> list[tuple[float, float]]:
    return [(seconds * (number + 1), left) for number, left in enumerate(lefts)]


# --- the detector --------------------------------------------------------------------------------


def test_a_migration_that_gets_on_does_not_stall() -> None:
    """5 % less every 10 s is 19 % in a window."""
    assert set(decisions(every(10, [1000 * 0.95**number for number in range(60)]))) == {"-"}


def test_a_flat_series_stalls_once_the_window_is_over() -> None:
    assert decisions(every(10, [1000.0] * 5)) == ["-", "-", "-", "-", "act"]


@pytest.mark.parametrize(("left", "decision"), [(959.9, "-"), (960.0, "act"), (990.0, "act")])
def test_getting_on_means_more_than_the_margin(left: float, decision: str) -> None:
    assert decisions([(10, 1000.0), (49.9, 1000.0), (50, left)])[-1] == decision


def test_no_stall_before_a_window_has_passed() -> None:
    assert decisions([(10, 1000.0), (49.9, 5000.0)]) == ["-", "-"]


def test_a_stall_at_a_crest_waits_for_a_trough() -> None:
    """At 50 s the best seen is 500; 520 is within its margin, 521 is not."""
    lefts = [600.0, 500.0, 900.0, 500.0, 900.0, 521.0, 520.0]
    assert decisions(every(10, lefts)) == ["-", "-", "-", "-", "wait", "wait", "act"]


def test_the_best_is_the_least_seen_even_in_the_window() -> None:
    stalls = detector()
    for elapsed_s, left in [(10.0, 1000.0), (45.0, 300.0), (50.0, 1000.0)]:
        stalls.good_moment(elapsed_s, left)
    assert stalls.stalled
    assert stalls.best_bytes == 300


def test_only_what_is_older_than_the_window_is_compared_with() -> None:
    """At 60 s the 100 of 25 s is within the window, so 900 is still less than what was before."""
    assert decisions([(10, 1000.0), (25, 100.0), (60, 900.0)]) == ["-", "-", "-"]
    assert decisions([(10, 1000.0), (25, 100.0), (65, 900.0)]) == ["-", "-", "wait"]


def test_patience_runs_out_after_40_then_20_then_10_seconds() -> None:
    """Best is 500 and never seen again; each time the next best since the stall will do."""
    stalls = detector()
    for elapsed_s, left in [(0.0, 500.0), (40.0, 900.0)]:
        stalls.good_moment(elapsed_s, left)
    assert stalls.best_bytes == 500
    bests = {}
    for elapsed_s, left in [
        (50, 700.0),
        (60, 800.0),
        (79.9, 850.0),
        (80, 1000.0),  # 40 s after the stall
        (99, 1000.0),
        (100, 1000.0),  # 20 s later
        (109, 1000.0),
        (110, 1000.0),  # 10 s later
        (115, 1000.0),  # 5 s later
    ]:
        stalls.good_moment(elapsed_s, left)
        bests[elapsed_s] = stalls.best_bytes
    assert list(bests.values()) == [500, 500, 500, 700, 700, 800, 800, 850, 1000]


def test_a_relaxed_target_is_met_by_a_later_round() -> None:
    series = [(0, 500.0), (40, 900.0), (60, 700.0), (81, 900.0), (90, 728.0)]
    assert decisions(series) == ["-", "wait", "wait", "wait", "act"]


def test_the_round_that_ends_patience_may_itself_be_the_moment() -> None:
    assert decisions([(0, 500.0), (40, 900.0), (80, 880.0)]) == ["-", "wait", "act"]


def test_bandwidth_is_smoothed() -> None:
    rate = SmoothedRate(0.4)
    for sample, average in [(0.0, 0.0), (100.0, 100.0), (200.0, 140.0), (200.0, 164.0)]:
        rate.add(sample)
        assert rate.bytes_per_s == pytest.approx(average)


DONE = {
    MigrationAction.ABORT: "",
    MigrationAction.STOP: "VM stopped: ",
    MigrationAction.POST_COPY: "switched to post-copy: ",
}
"""How a reason begins, by what was done."""


# --- what is done at a stall ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disruption", "post_copy", "downtime_s", "action"),
    [
        (True, True, 30.0, StallAction.POST_COPY),
        (True, False, 30.0, StallAction.HARD_STOP),
        (None, True, 30.0, StallAction.POST_COPY),
        (None, False, 0.9, StallAction.SOFT_STOP),
        (False, True, 0.9, StallAction.SOFT_STOP),
        (False, False, 0.5, StallAction.SOFT_STOP),
        (False, False, 1.35, StallAction.SOFT_STOP),
        (False, False, 1.36, StallAction.ABORT),
        (False, True, 30.0, StallAction.ABORT),
    ],
)
def test_what_is_done_about_a_stall(
    disruption: bool | None, post_copy: bool, downtime_s: float, action: StallAction
) -> None:
    policy = StallDetectionPolicy(allow_workload_disruption=disruption, allow_post_copy=post_copy)
    assert policy.stall_action(downtime_s, budget_s=100.0) is action
    assert policy.stall_action(downtime_s, budget_s=0.99 * downtime_s) is StallAction.WAIT


def stalled(
    policy: KubeVirtPolicy, pages_left: int, bytes_per_s: float = RATE
) -> ControllerDecision:
    """Return the decision to a stall with so much left, found by the controller itself."""
    controller = policy.create_controller(GIB)
    check_when_due(controller, bytes_per_s=bytes_per_s)
    assert end_round(controller, 10.0, pages_left) == CONTINUE
    return end_round(controller, 50.0, pages_left)


def test_a_stall_that_fits_the_allowed_downtime_ends_at_once() -> None:
    assert stalled(StallDetectionPolicy(), int(0.8 * SECOND)) == (
        MigrationAction.STOP,
        "stalled, limit raised to 0.9 s: fits 0.9 s of downtime",
    )


def test_the_limit_is_300_ms_until_a_stall() -> None:
    assert StallDetectionPolicy().create_controller(GIB).sync_threshold_bytes(1.0) == 0.3
    assert (
        StallDetectionPolicy(max_downtime_s=0.1).create_controller(GIB).sync_threshold_bytes(1.0)
        == 0.1
    )


def test_a_stall_within_the_tolerance_has_a_minute_to_fit() -> None:
    controller = StallDetectionPolicy().create_controller(GIB)
    check_when_due(controller)
    assert end_round(controller, 10.0, int(1.2 * SECOND)) == CONTINUE
    assert end_round(controller, 50.0, int(1.2 * SECOND)) == CONTINUE
    assert controller.sync_threshold_bytes(1.0) == 0.9
    assert end_round(controller, 55.0, int(1.1 * SECOND)) == CONTINUE
    decisions = []
    while controller.next_check_s() < 200:
        time_s = controller.next_check_s()
        decisions.append((time_s, check_when_due(controller)[0]))
    assert next(
        time_s for time_s, step in decisions if step is MigrationAction.ABORT
    ) == pytest.approx(110, abs=0.5)
    assert end_round(controller, 56.0, int(0.85 * SECOND))[0] is MigrationAction.STOP


@pytest.mark.parametrize(
    ("knobs", "step"),
    [
        ({}, MigrationAction.ABORT),
        ({"allow_post_copy": True}, MigrationAction.POST_COPY),
        ({"allow_post_copy": True, "allow_workload_disruption": False}, MigrationAction.ABORT),
        ({"allow_workload_disruption": True}, MigrationAction.STOP),
        ({"allow_workload_disruption": True, "allow_post_copy": True}, MigrationAction.POST_COPY),
    ],
)
def test_a_stall_far_from_the_allowed_downtime(
    knobs: dict[str, bool], step: MigrationAction
) -> None:
    decision = stalled(StallDetectionPolicy(**knobs), 4 * SECOND)
    assert decision == (step, f"{DONE[step]}stalled, downtime would be 4 s")


def test_nothing_is_done_about_a_stall_that_would_overrun_the_budget() -> None:
    """1 GiB: 2 x 150 s; at 1,000 bytes/s the rest would take far longer."""
    assert stalled(StallDetectionPolicy(), SECOND, bytes_per_s=1000.0) == CONTINUE


def test_no_stall_is_looked_for_before_there_is_a_bandwidth() -> None:
    controller = StallDetectionPolicy().create_controller(GIB)
    for time_s in (10.0, 50.0, 90.0):
        assert end_round(controller, time_s, 4 * SECOND) == CONTINUE
    check_when_due(controller)
    assert end_round(controller, 91.0, 4 * SECOND) == CONTINUE
    assert end_round(controller, 131.0, 4 * SECOND)[0] is MigrationAction.ABORT


# --- timeouts ------------------------------------------------------------------------------------


def checks_until(
    controller: MigrationController, **seen: object
) -> tuple[float, MigrationAction, str]:
    """Return when and how the checks end a migration in which no round ever ends."""
    for _ in range(10_000):
        time_s = controller.next_check_s()
        step, reason = check_when_due(controller, **seen)
        if step is not MigrationAction.CONTINUE:
            return time_s, step, reason
    raise AssertionError("nothing happened")


@pytest.mark.parametrize("detecting", [True, False])
@pytest.mark.parametrize(
    ("knobs", "step"),
    [
        ({}, MigrationAction.ABORT),
        ({"allow_post_copy": True}, MigrationAction.POST_COPY),
        ({"allow_workload_disruption": True}, MigrationAction.STOP),
        ({"allow_workload_disruption": True, "allow_post_copy": True}, MigrationAction.POST_COPY),
    ],
)
def test_the_completion_timeout_is_150_s_per_gib(
    detecting: bool, knobs: dict[str, bool], step: MigrationAction
) -> None:
    policy = KubeVirtPolicy(
        stall_detection=detecting, progress_timeout_s="1 d", bandwidth_alpha=1.0, **knobs
    )
    time_s, taken, reason = checks_until(policy.create_controller(2 * GIB))
    assert 300 < time_s < 300.5 + policy.poll_s
    assert (taken, reason) == (step, f"{DONE[step]}not completed after 300 s")


def test_it_looks_every_400_ms() -> None:
    controller = KubeVirtPolicy().create_controller(GIB)
    times = []
    for _ in range(3):
        times.append(controller.next_check_s())
        check_when_due(controller)
    assert times == pytest.approx([0.4, 0.8, 1.2])


def test_without_the_detector_a_link_that_is_down_ends_it_after_150_s() -> None:
    policy = KubeVirtPolicy()
    time_s, step, reason = checks_until(policy.create_controller(64 * GIB), bytes_per_s=0.0)
    assert 150 < time_s < 151.5
    assert (step, reason) == (MigrationAction.ABORT, "no progress for 150 s")


def test_any_fall_is_progress() -> None:
    """The bytes left rise at every sync; only a fall since the last poll is required."""
    controller = KubeVirtPolicy().create_controller(64 * GIB)
    for number in range(2000):
        assert check_when_due(controller, bytes_left=1e9 - 1e6 * (number % 100)) == CONTINUE


def test_a_link_that_is_down_at_the_timeout_always_means_abort() -> None:
    """Nothing sent: no bandwidth to believe that stopping the VM would help."""
    policy = StallDetectionPolicy(allow_workload_disruption=True, allow_post_copy=True)
    _, step, _ = checks_until(policy.create_controller(GIB), bytes_per_s=0.0)
    assert step is MigrationAction.ABORT


def test_a_whole_migration_that_stalls() -> None:
    """Uniform writes on 200,000 pages never leave less than 6 s of sending: found after 40 s."""
    migration = MeanFieldMigration(
        StallDetectionPolicy().create_controller(GIB), writes_per_s=400_000
    )
    step, reason = migration.run()
    assert step is MigrationAction.ABORT
    assert reason.startswith("stalled")
    assert 48 < migration.now_s < 65


def test_a_whole_migration_that_converges_by_itself() -> None:
    migration = MeanFieldMigration(KubeVirtPolicy().create_controller(GIB), writes_per_s=10_000)
    assert migration.run() == (MigrationAction.STOP, "fits 0.3 s of downtime")


def test_auto_converge_is_off_unless_asked_for() -> None:
    for on in (False, True):
        controller = KubeVirtPolicy(auto_converge=on).create_controller(GIB)
        for number in (1, 2):
            end_round(controller, 4.0 * number, 4 * SECOND, sent=4 * SECOND)
        assert (controller.throttle() > 0) is on


# --- presets -------------------------------------------------------------------------------------


def knobs(name: str) -> tuple[int | None, float, bool, bool]:
    policy = policies.create(name)
    assert isinstance(policy, KubeVirtPolicy)
    return (
        policy.outbound_per_host,
        policy.completion_timeout_s(GIB),
        policy.stall_detection,
        policy.downtime_tuning,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kubevirt", (2, 150, False, False)),
        ("kubevirt-hco", (1, 20, False, False)),
        ("kubevirt-stall-detection", (2, 150, True, False)),
        ("kubevirt-downtime-tuning", (2, 150, False, True)),
    ],
)
def test_each_preset_has_its_defaults(name: str, expected: tuple[object, ...]) -> None:
    assert knobs(name) == expected
    assert policies.create(name).limits.per_cluster == 5


def test_a_stressed_vm_of_64_gib_is_ended_after_9600_s() -> None:
    """150 s per GiB; the stall detector, off by default, would have given up after some 100 s."""
    controller = KubeVirtPolicy().create_controller(64 * GIB)
    assert end_round(controller, 40.0, 100 * SECOND) == CONTINUE
    assert end_round(controller, 101.8, 100 * SECOND) == CONTINUE
    left = 0
    while True:
        left = 1 - left  # falls at every second poll: progress
        time_s = controller.next_check_s()
        step, reason = check_when_due(controller, bytes_left=1e9 + left)
        if step is not MigrationAction.CONTINUE:
            break
    assert 9600 < time_s < 9600 + 2 * KubeVirtPolicy().poll_s
    assert (step, reason) == (MigrationAction.ABORT, "not completed after 9600 s")


def test_downtime_tuning_goes_from_150_to_900_ms_in_whole_steps() -> None:
    """(900 - 150) / 7 = 107 ms, at least 10 s apart, from round 3 on."""
    controller = policies.create("kubevirt-downtime-tuning").create_controller(64 * GIB)
    assert limit_ms(controller) == 300
    check_when_due(controller, round_number=1)
    assert limit_ms(controller) == 150
    while controller.next_check_s() < 50:
        check_when_due(controller, round_number=2)
    assert limit_ms(controller) == 150
    limits: dict[float, float] = {}
    while controller.next_check_s() < 150:
        time_s = controller.next_check_s()
        check_when_due(controller, round_number=3)
        limits.setdefault(limit_ms(controller), time_s)
    assert list(limits) == [257, 364, 471, 578, 685, 792, 899, 900]
    times = list(limits.values())
    assert all(10 <= later - sooner < 10.4 + 1e-9 for sooner, later in pairwise(times))


def test_without_downtime_tuning_the_limit_stays_that_of_qemu() -> None:
    controller = KubeVirtPolicy().create_controller(64 * GIB)
    for _ in range(200):
        check_when_due(controller, round_number=9)
    assert limit_ms(controller) == 300


def test_at_the_timeout_the_detector_may_use_post_copy_without_leave_to_disrupt() -> None:
    policy = StallDetectionPolicy(allow_post_copy=True, allow_workload_disruption=False)
    _, step, reason = checks_until(policy.create_controller(GIB))
    assert step is MigrationAction.POST_COPY
    assert reason == "switched to post-copy: not completed after 150 s"
