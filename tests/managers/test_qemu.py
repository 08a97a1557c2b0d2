"""QEMU, Xen and vMotion: when they stop, and how they slow a guest down."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.managers import (
    QemuController,
    QemuPolicy,
    VmotionPolicy,
    XenPolicy,
    policies,
)
from cluster_emu.transfer.controller import CONTINUE, MigrationAction
from cluster_emu.transfer.stop_rules import XenLegacyStop
from tests._support.policy_probes import (
    A_ROUND,
    GIB,
    PAGE,
    RATE,
    SECOND,
    MeanFieldMigration,
    check_when_due,
    end_round,
    throttles,
)

# --- QEMU ----------------------------------------------------------------------------------------


def auto_converging(**knobs: object) -> QemuController:
    return QemuPolicy(auto_converge=True, **knobs).create_controller(GIB)


def test_qemu_throttles_20_then_10_more_up_to_99() -> None:
    """As much is dirtied as is sent in every round; every second one counts."""
    seen = throttles(auto_converging(), 22)
    assert seen[::2] == [0, 20, 30, 40, 50, 60, 70, 80, 90, 99, 99]
    assert seen[1::2] == [20, 30, 40, 50, 60, 70, 80, 90, 99, 99, 99]


def test_qemu_throttle_knobs() -> None:
    knobs = {
        "throttle_initial_percent": 5,
        "throttle_increment_percent": 30,
        "max_throttle_percent": 50,
    }
    assert throttles(auto_converging(**knobs), 6)[1::2] == [5, 35, 50]


@pytest.mark.parametrize(("newly_dirty", "throttle"), [(50_000, 0), (50_001, 20)])
def test_qemu_throttles_above_half_of_what_was_sent(newly_dirty: int, throttle: int) -> None:
    """100,000 pages sent; of those left, the ones that were left before are not newly dirty."""
    left_before = 180_000
    left = left_before - 100_000 + newly_dirty
    assert throttles(auto_converging(), 2, left, left_before)[-1] == throttle


def test_qemu_counts_the_second_time_not_twice_in_a_row() -> None:
    controller = auto_converging()
    end_round(controller, 2.0, 100_000, pages_per_s=50_000)
    end_round(controller, 4.0, 30_000, before=100_000, pages_per_s=50_000)
    assert controller.throttle() == 0
    end_round(controller, 6.0, 100_000, pages_per_s=50_000)
    assert controller.throttle() == 0.2


def test_qemu_adds_up_syncs_that_follow_within_a_second() -> None:
    """Rounds of 0.4 s: only every third one is more than a second after the last that counted."""
    controller = auto_converging()
    seen = []
    for number in range(1, 10):
        end_round(controller, 0.4 * number, 100_000, sent=10_000, pages_per_s=25_000)
        seen.append(round(100 * controller.throttle()))
    assert seen == [0, 0, 0, 0, 0, 20, 20, 20, 20]


def test_qemu_without_auto_converge_leaves_the_guest_alone() -> None:
    assert set(throttles(QemuPolicy().create_controller(GIB), 10)) == {0}


def test_auto_converge_makes_a_vm_converge() -> None:
    """50,000 writes a second, where the link carries 30,518 pages."""
    plain = MeanFieldMigration(QemuPolicy().create_controller(GIB), writes_per_s=50_000)
    slowed = MeanFieldMigration(auto_converging(), writes_per_s=50_000)
    assert plain.run() == (MigrationAction.ABORT, "not completed after 3600 s")
    assert slowed.run() == (MigrationAction.STOP, "fits 0.3 s of downtime")
    assert 0.4 <= slowed.controller.throttle() <= 0.7
    assert slowed.now_s < 120


def test_dirty_limit_clips_the_write_rate() -> None:
    quota = 10e6
    policy = QemuPolicy(dirty_limit=True, vcpus=2, vcpu_dirty_limit_bytes_per_s=quota / 2)
    controller = policy.create_controller(GIB)
    for number in (1, 2):  # 100,000 pages in 2 s
        assert controller.throttle() == 0
        end_round(controller, 2.0 * number, 100_000, pages_per_s=50_000)
    assert controller.throttle() == pytest.approx(1 - quota / (50_000 * PAGE))
    # the guest keeps its quota: nothing changes
    kept = round(2 * quota / PAGE)
    end_round(controller, 6.0, kept, sent=kept)
    assert controller.throttle() == pytest.approx(1 - quota / (50_000 * PAGE), rel=1e-3)
    # it hardly writes any more: it may
    end_round(controller, 8.0, 10, sent=kept, before=kept)
    assert controller.throttle() == 0


def test_dirty_limit_makes_a_vm_converge() -> None:
    migration = MeanFieldMigration(
        QemuPolicy(dirty_limit=True).create_controller(GIB), writes_per_s=400_000
    )
    assert migration.run() == (MigrationAction.STOP, "fits 0.3 s of downtime")


def test_qemu_takes_one_of_its_two_throttles() -> None:
    with pytest.raises(ScenarioError, match="dirty_limit = True: allowed is False where"):
        policies.create("qemu", auto_converge=True, dirty_limit=True)


def test_qemu_stops_when_the_rest_fits() -> None:
    controller = QemuPolicy().create_controller(GIB)
    assert controller.sync_threshold_bytes(1e9) == pytest.approx(0.3e9)
    fits = int(0.3 * SECOND)
    assert end_round(controller, 2.0, fits + 1) == CONTINUE
    assert end_round(controller, 3.0, fits - 1) == (MigrationAction.STOP, "fits 0.3 s of downtime")


def test_qemu_is_cancelled_in_the_end() -> None:
    controller = QemuPolicy(timeout_s="10 min").create_controller(GIB)
    assert controller.next_check_s() == 600
    assert check_when_due(controller) == (MigrationAction.ABORT, "not completed after 600 s")
    assert controller.next_check_s() == math.inf


# --- Xen and vMotion -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"round_number": 28},
        {"round_number": 29},
        {"sent_pages": 20, "skipped_pages": 29},
        {"sent_pages": 20, "skipped_pages": 30},
        {"total_sent_pages": 3 * A_ROUND.memory_pages + 1},
    ],
)
def test_xen_is_its_stop_rule(changes: dict[str, object]) -> None:
    progress = replace(A_ROUND, **changes)
    decision = XenPolicy().create_controller(GIB).round_ended(progress)
    assert decision == XenLegacyStop().decide(progress)


def test_xen_never_looks_and_never_slows_down() -> None:
    controller = XenPolicy().create_controller(GIB)
    assert controller.next_check_s() == math.inf
    assert controller.sync_threshold_bytes(RATE) == 0
    assert controller.throttle() == 0


def vmotion_round(dirtied: int, pages_per_s: float = 50_000) -> float:
    """Return the throttle after a round of 2 s in which so many pages were dirtied."""
    controller = VmotionPolicy().create_controller(GIB)
    end_round(controller, 2.0, 100_000 + dirtied, before=200_000, pages_per_s=pages_per_s)
    return controller.throttle()


def test_vmotion_slows_down_just_enough() -> None:
    """50,000 pages a second are sent; a guest that dirties more than 40,000 is held to that."""
    assert vmotion_round(80_000) == 0
    assert vmotion_round(100_000) == pytest.approx(0.2)
    assert vmotion_round(160_000) == pytest.approx(0.5)
    assert vmotion_round(160_000, pages_per_s=1.0) == 0.99


def test_vmotion_lets_go_of_a_guest_that_calms_down() -> None:
    controller = VmotionPolicy().create_controller(GIB)
    rounds = [
        (2.0, 160_000, 0.5),
        (4.0, 80_000, 0.5),  # at half speed
        (4.0, 0, 0.5),  # took no time and says nothing
        (6.0, 40_000, 0.0),  # at half speed
    ]
    for at_s, dirtied, throttle in rounds:
        end_round(controller, at_s, 100_000 + dirtied, before=200_000, pages_per_s=50_000)
        assert controller.throttle() == pytest.approx(throttle)


def test_vmotion_drains_its_passes_and_stops_at_its_goal() -> None:
    migration = MeanFieldMigration(VmotionPolicy().create_controller(GIB), writes_per_s=50_000)
    assert migration.controller.sync_threshold_bytes(RATE) == 0
    assert migration.run() == (MigrationAction.STOP, "fits 1 s of downtime")
