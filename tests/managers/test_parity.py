"""Nova, oVirt and Proxmox: the downtime they allow, step by step, and what they do in the end."""

from __future__ import annotations

import math

import pytest

from cluster_emu.managers import (
    NovaPolicy,
    ProxmoxPolicy,
    QemuController,
    policies,
)
from cluster_emu.transfer.controller import CONTINUE, MigrationAction
from tests._support.policy_probes import (
    GIB,
    MeanFieldMigration,
    check_when_due,
    limit_ms,
    throttles,
)

# --- Nova ----------------------------------------------------------------------------------------

NOVA_DOCUMENTED = [40, 76, 112, 148, 184, 220, 256, 292, 328, 364, 400]
"""Its docstring: 10 steps, 30 s, 3 GB, 400 ms; one every 90 seconds."""


def test_nova_takes_its_documented_steps() -> None:
    policy = NovaPolicy(downtime_s="400 ms", downtime_steps=10, downtime_delay_s_per_gib=30)
    expected = [(90.0 * number, ms / 1000) for number, ms in enumerate(NOVA_DOCUMENTED)]
    assert list(policy.downtime_schedule(3 * GIB)) == expected


def test_a_nova_migration_follows_the_documented_steps() -> None:
    policy = NovaPolicy(downtime_s="400 ms", downtime_steps=10, downtime_delay_s_per_gib=30)
    controller = policy.create_controller(3 * GIB)
    seen = [(0.0, limit_ms(controller))]
    for _ in NOVA_DOCUMENTED[1:]:
        time_s = controller.next_check_s()
        assert check_when_due(controller) == CONTINUE
        seen.append((time_s, limit_ms(controller)))
    assert seen == [(90.0 * number, ms) for number, ms in enumerate(NOVA_DOCUMENTED)]
    assert controller.next_check_s() == 800 * 3


def test_nova_defaults() -> None:
    schedule = NovaPolicy().downtime_schedule(4 * GIB)
    assert [time_s for time_s, _ in schedule] == [300.0 * number for number in range(11)]
    assert [round(1000 * limit) for _, limit in schedule] == list(range(50, 501, 45))
    assert NovaPolicy().completion_timeout_s(4 * GIB) == 3200


def test_nova_counts_a_small_vm_as_two_gib_and_cuts_off_fractions() -> None:
    assert NovaPolicy().completion_timeout_s(GIB // 2) == 1600
    assert NovaPolicy().downtime_schedule(GIB)[1][0] == 150
    assert NovaPolicy().downtime_schedule(2.51 * GIB)[1][0] == 188  # 188.25
    odd = NovaPolicy(downtime_s=0.1, downtime_steps=3).downtime_schedule(GIB)
    assert [limit for _, limit in odd] == [0.033, 0.055, 0.077, 0.1]


@pytest.mark.parametrize(
    ("knobs", "step"),
    [
        ({}, MigrationAction.ABORT),
        ({"permit_post_copy": True}, MigrationAction.ABORT),
        ({"timeout_action": "force_complete"}, MigrationAction.STOP),
        ({"timeout_action": "force_complete", "permit_post_copy": True}, MigrationAction.POST_COPY),
    ],
)
def test_nova_acts_at_its_timeout(knobs: dict[str, object], step: MigrationAction) -> None:
    migration = MeanFieldMigration(NovaPolicy(**knobs).create_controller(GIB), writes_per_s=400_000)
    done = {
        MigrationAction.STOP: "VM stopped: ",
        MigrationAction.POST_COPY: "switched to post-copy: ",
    }
    assert migration.run() == (step, f"{done.get(step, '')}not completed after 1600 s")
    assert migration.now_s == pytest.approx(1600)
    assert migration.checks == 11


def test_nova_without_a_timeout_never_gives_up() -> None:
    controller = NovaPolicy(completion_timeout_s_per_gib=0).create_controller(GIB)
    for _ in range(10):
        assert check_when_due(controller) == CONTINUE
    assert controller.next_check_s() == math.inf
    assert limit_ms(controller) == 500


@pytest.mark.parametrize(
    ("permit_post_copy", "slowed"), [(False, True), (True, False)], ids=["alone", "with post-copy"]
)
def test_nova_does_not_slow_a_guest_down_that_may_use_post_copy(
    permit_post_copy: bool, slowed: bool
) -> None:
    policy = NovaPolicy(permit_auto_converge=True, permit_post_copy=permit_post_copy)
    controller = policy.create_controller(GIB)
    assert (throttles(controller, 2)[-1] > 0) is slowed


# --- oVirt ---------------------------------------------------------------------------------------


def ovirt_polls(name: str, polls: int, rounds_per_poll: int = 1) -> list[float | MigrationAction]:
    """Return the limit after each poll, in ms, or what ended the migration."""
    controller = policies.create(name).create_controller(GIB)
    seen: list[float | MigrationAction] = [limit_ms(controller)]
    for number in range(polls):
        assert controller.next_check_s() == pytest.approx(10 * (number + 1))
        step, _ = check_when_due(controller, round_number=1 + number * rounds_per_poll)
        seen.append(limit_ms(controller) if step is MigrationAction.CONTINUE else step)
    return seen


def test_ovirt_minimal_downtime_has_six_thresholds() -> None:
    assert ovirt_polls("ovirt-minimal-downtime", 9) == [
        *(100, 100, 100, 150, 200, 300, 400, 400, 500),
        MigrationAction.ABORT,
    ]


def test_ovirt_suspend_workload_allows_five_seconds_in_the_end() -> None:
    assert ovirt_polls("ovirt-suspend-workload", 10) == [
        *(100, 100, 100, 150, 200, 300, 400, 400, 500, 5000),
        MigrationAction.ABORT,
    ]


def test_ovirt_post_copy_switches_after_200_ms() -> None:
    assert ovirt_polls("ovirt-post-copy", 5) == [100, 100, 100, 150, 200, MigrationAction.POST_COPY]


def test_ovirt_very_large_vms_go_from_300_to_1500_ms() -> None:
    limits = ovirt_polls("ovirt-very-large-vms", 10)
    assert limits[0] == 300
    assert limits[-3:] == [1500, 5000, MigrationAction.ABORT]


def test_ovirt_takes_one_step_per_look_however_many_rounds_went_by() -> None:
    limits = ovirt_polls("ovirt-minimal-downtime", 7, rounds_per_poll=20)
    assert limits == [100, 100, 150, 200, 300, 400, 500, MigrationAction.ABORT]


def test_ovirt_waits_while_a_round_lasts() -> None:
    controller = policies.create("ovirt-minimal-downtime").create_controller(GIB)
    for number in [1, 1, 1, 3, 3, 3]:
        check_when_due(controller, round_number=number)
    assert limit_ms(controller) == 150


def test_ovirt_slows_the_guest_down() -> None:
    migration = MeanFieldMigration(
        policies.create("ovirt-minimal-downtime").create_controller(GIB), writes_per_s=50_000
    )
    migration.run()
    assert migration.controller.throttle() >= 0.2


# --- Proxmox -------------------------------------------------------------------------------------


def proxmox_polls(lefts: list[float]) -> tuple[QemuController, list[float]]:
    """Return the limit after each poll at which so many bytes are left, in ms."""
    controller = ProxmoxPolicy().create_controller(GIB)
    limits = []
    for number, left in enumerate(lefts, start=1):
        assert check_when_due(controller, bytes_left=left, bytes_sent=number * 1e6) == CONTINUE
        limits.append(limit_ms(controller))
    return controller, limits


def test_proxmox_doubles_up_to_its_cap() -> None:
    polls = 6 * 16
    _, limits = proxmox_polls([1e9 + number for number in range(polls + 1)])
    assert limits[:6] == [100.0] * 6  # the first poll has nothing to compare with
    doubled = [100.0 * 2**times for times in range(1, 15)]
    assert limits[6::6] == pytest.approx([*doubled, 2_000_000, 2_000_000])


def test_proxmox_counts_looks_with_nothing_left() -> None:
    _, limits = proxmox_polls([0.0] * 12)
    assert limits == [100] * 5 + [200] * 6 + [400]


def test_proxmox_does_not_ask_for_six_in_a_row() -> None:
    _, limits = proxmox_polls([1e9, 2e9] * 6)
    assert limits == [100] * 11 + [200]


def test_proxmox_is_content_while_less_is_left() -> None:
    _, limits = proxmox_polls([1e9 - 1e6 * number for number in range(100)])
    assert set(limits) == {100}


def test_proxmox_does_not_count_looks_at_a_link_that_is_down() -> None:
    controller = ProxmoxPolicy().create_controller(GIB)
    for _ in range(50):
        check_when_due(controller, bytes_left=0.0, bytes_sent=1e6)
    assert limit_ms(controller) == 100


def test_proxmox_polls_ten_times_as_often_near_the_end() -> None:
    controller = ProxmoxPolicy().create_controller(GIB)
    times = []
    for left, sent in [(900e6, 100e6), (90e6, 200e6), (60e6, 300e6), (900e6, 400e6)]:
        times.append(controller.next_check_s())
        check_when_due(controller, bytes_left=left, bytes_sent=sent)
    times.append(controller.next_check_s())
    assert times == pytest.approx([1, 2, 3, 3.1, 3.2])


def test_proxmox_always_gets_there() -> None:
    migration = MeanFieldMigration(
        ProxmoxPolicy(auto_converge=False).create_controller(GIB), writes_per_s=400_000
    )
    step, reason = migration.run()
    assert step is MigrationAction.STOP
    assert reason.startswith("fits ")
    assert limit_ms(migration.controller) > 1000
