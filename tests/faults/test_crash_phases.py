"""A crash of either side in every phase of a migration, timed by hand.

One VM of 1,000 pages that never writes leaves host 0 for host 1 at 1,000 pages/s; host 2 is free.
It prepares until 2 s, pre-copies until 3 s, is paused: suspends until 3.5 s, sends device state
until 4 s, resumes at 4.25 s, and finishes at 5.25 s. In post-copy it is paused at 2 s, resumes at
3.25 s, pages are pushed until 4.25 s, and all is over at 5.25 s as well.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from tests._support.fault_checks import check_now
from tests._support.one_vm import QUIET, one_vm, ran
from tests._support.small_scenarios import PAGE

SIDES = ("source", "target")
TIMES = {
    "pre-copy": {
        "preparing": 1.0,
        "pre-copy": 2.6,
        "suspending": 3.2,
        "device state": 3.7,
        "resuming": 4.1,
        "finishing": 4.5,
    },
    "post-copy": {
        "preparing": 1.0,
        "suspending": 2.2,
        "device state": 2.7,
        "resuming": 3.1,
        "post-copy": 3.6,
        "finishing": 4.5,
    },
}
PAUSE_S = {"pre-copy": 3.0, "post-copy": 2.0}
PHASE = {
    "suspending": "stop-and-copy",
    "device state": "stop-and-copy",
    "resuming": "stop-and-copy",
}


def crash(side: str, at_s: float, **more: Any) -> dict[str, Any]:
    return {"kind": "host-crash", "host": SIDES.index(side), "at_s": at_s, **more}


def test_without_faults_the_times_are_those_above() -> None:
    for strategy, resume_s, copied_s in (("pre-copy", 4.25, 4.25), ("post-copy", 3.25, 4.25)):
        _, migrations = ran(one_vm([], strategy))
        row = migrations.iloc[0]
        assert row.outcome == "completed"
        assert row.start_s == pytest.approx(2.0)
        assert row.pause_s == pytest.approx(PAUSE_S[strategy])
        assert row.resume_s == pytest.approx(resume_s)
        assert row.end_s == pytest.approx(copied_s + 1.0)


def phases_of_all(*names: str) -> list[tuple[str, str]]:
    return [
        (strategy, when) for strategy, times in TIMES.items() for when in names if when in times
    ]


@pytest.mark.parametrize(
    ("strategy", "when"), phases_of_all("preparing", "pre-copy", "suspending", "device state")
)
def test_the_source_crashes_before_the_resume(strategy: str, when: str) -> None:
    at_s = TIMES[strategy][when]
    model, migrations = ran(one_vm([crash("source", at_s)], strategy))
    assert len(migrations) == 1
    row = migrations.iloc[0]
    assert row.outcome == "failed"
    assert row.why == f"source host 0 crashed in phase {PHASE.get(when, when)}"
    assert row.end_s == pytest.approx(at_s)
    if when in PHASE:
        assert row.downtime_s == pytest.approx(at_s - PAUSE_S[strategy])
    assert model.vms[0].running
    assert model.vms[0].host == 1  # the first of two equally empty hosts
    assert model.state.vms.restarts.tolist() == [1]
    assert model.result().summary["vm_down_s"] == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("strategy", "when"),
    phases_of_all("preparing", "pre-copy", "suspending", "device state", "resuming"),
)
def test_the_target_crashes_before_the_resume(strategy: str, when: str) -> None:
    at_s = TIMES[strategy][when]
    model, migrations = ran(one_vm([crash("target", at_s)], strategy))
    first, second = (migrations.iloc[i] for i in range(2))
    assert first.outcome == "failed"
    assert first.why == f"target host 1 crashed in phase {PHASE.get(when, when)}"
    assert first.end_s == pytest.approx(at_s)
    if when in PHASE:
        assert first.downtime_s == pytest.approx(at_s - PAUSE_S[strategy])
    # ten seconds later it goes to the host that is left
    assert (second.source, second.target, second.attempt) == (0, 2, 2)
    assert second.queued_s == pytest.approx(at_s + 10.0)
    assert second.outcome == "completed"
    assert model.vms[0].host == 2
    assert model.result().summary["vm_down_s"] == 0.0
    assert model.machines[1].memory_free_bytes == 2**40


def test_tries_after_faults_and_after_aborts_are_counted_apart() -> None:
    policy = "kubevirt:stall_detection=false,retries=2,retry_backoff_s=1"
    busy = {"name": "uniform", "writes_per_page_s": 50.0}
    given_scenario = one_vm(
        [crash("target", at_s, repair_s=0.5) for at_s in (1.0, 12.0)],
        transfer={"policy": f"{policy},completion_timeout_s_per_gib={4 * 2**30 / (1000 * PAGE)}"},
        available={"migration_retries": 2, "migration_retry_backoff_s": 3.0},
    ).with_fields({"vms.0.profile": busy})
    _, migrations = ran(given_scenario)
    # two seconds of preparing and four until the policy aborts; waits of 3 and 6, and of 1 and 2
    assert migrations["queued_s"].tolist() == pytest.approx([0.0, 4.0, 11.0, 18.0, 26.0])
    assert migrations["end_s"].tolist() == pytest.approx([1.0, 10.0, 12.0, 24.0, 32.0])
    ends = ["failed", "not converged", "failed", "not converged", "not converged"]
    assert migrations["outcome"].tolist() == ends
    assert migrations["attempt"].tolist() == [1, 2, 3, 4, 5]
    assert migrations["faults_before"].tolist() == [0, 1, 1, 2, 2]


def test_the_source_crashes_when_all_has_arrived() -> None:
    model, migrations = ran(one_vm([crash("source", TIMES["pre-copy"]["resuming"])]))
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.resume_s.tolist() == pytest.approx([4.25])
    assert migrations.end_s.tolist() == pytest.approx([5.25])
    assert model.vms[0].host == 1
    assert model.result().summary["vm_down_s"] == 0.0


def test_the_target_crashes_too_when_all_has_arrived() -> None:
    model, migrations = ran(one_vm([crash("source", 4.1), crash("target", 4.2)]))
    assert migrations.outcome.tolist() == ["failed"]
    assert migrations.why.tolist() == ["target host 1 crashed in phase stop-and-copy"]
    assert migrations.downtime_s.tolist() == pytest.approx([1.2])
    assert model.result().summary["vm_down_s"] == pytest.approx(20.0)
    assert model.vms[0].running and model.vms[0].host == 2


def test_the_source_crashes_when_a_vm_is_about_to_resume_without_its_memory() -> None:
    model, migrations = ran(one_vm([crash("source", TIMES["post-copy"]["resuming"])], "post-copy"))
    assert migrations.outcome.tolist() == ["failed"]
    assert not model.vms[0].lost  # it did not run in two places: it is down, as any other
    assert model.state.vms.restarts.tolist() == [1]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("recovery", [False, True])
def test_either_side_crashes_in_post_copy(side: str, recovery: bool) -> None:
    at_s = TIMES["post-copy"]["post-copy"]
    given_scenario = one_vm(
        [crash(side, at_s)], "post-copy", available={"postcopy_recovery": recovery}
    )
    model, migrations = ran(given_scenario)
    row = migrations.iloc[0]
    cause = f"{side} host {SIDES.index(side)} crashed in phase post-copy"
    assert row.outcome == "failed"
    assert row.why == (cause if recovery else f"VM lost: {cause}")
    assert row.end_s == pytest.approx(at_s)
    assert row.downtime_s == pytest.approx(1.25)
    assert len(migrations) == 1
    summary = model.result().summary
    vm = model.vms[0]
    if recovery:
        assert vm.running and not vm.lost
        assert summary["vms_lost"] == 0
        assert summary["vm_down_s"] == pytest.approx(20.0)
    else:
        assert vm.lost and not vm.running
        assert summary["vms_lost"] == 1
        assert summary["vm_down_s"] == pytest.approx(100.0 - at_s)
        assert not model.state.hosts.memory_reserved_bytes.any()
        assert not model.state.hosts.vm_count.any()


@pytest.mark.parametrize("strategy", TIMES)
def test_the_source_crashes_while_it_is_being_released(strategy: str) -> None:
    at_s = TIMES[strategy]["finishing"]
    model, migrations = ran(one_vm([crash("source", at_s)], strategy))
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.end_s.tolist() == pytest.approx([at_s])
    assert model.vms[0].running and model.vms[0].host == 1


@pytest.mark.parametrize("strategy", TIMES)
def test_the_target_crashes_while_the_source_is_being_released(strategy: str) -> None:
    at_s = TIMES[strategy]["finishing"]
    model, migrations = ran(one_vm([crash("target", at_s)], strategy))
    assert migrations.outcome.tolist() == ["completed"]
    assert migrations.end_s.tolist() == pytest.approx([at_s])
    assert model.state.vms.restarts.tolist() == [1]
    assert model.result().summary["vm_down_s"] == pytest.approx(20.0)
    assert model.vms[0].host == 0  # back to the first of the empty hosts


@pytest.mark.parametrize("strategy", TIMES)
@pytest.mark.parametrize("when", ["preparing", "device state", "resuming", "finishing"])
def test_both_sides_crash_at_once(strategy: str, when: str) -> None:
    at_s = TIMES[strategy][when]
    both = {"kind": "host-crash", "hosts": [0, 1], "at_s": at_s}
    model, migrations = ran(one_vm([both], strategy))
    assert len(migrations) == 1
    assert (migrations.outcome[0] == "completed") == (when == "finishing")
    assert model.vms[0].running and model.vms[0].host == 2
    assert model.result().summary["vm_down_s"] == pytest.approx(20.0)


@pytest.mark.parametrize("side", SIDES)
def test_a_crash_while_queued_or_ready(side: str) -> None:
    vm = {"cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "profile": QUIET}
    waits = {
        "queued": {"max_per_cluster": 1},
        "ready": {"max_per_cluster": 1, "preparing": {}},
    }
    for phase, manager in waits.items():
        # VM 0 holds the slot, from host 2 to host 3; VM 1 waits
        waiting = one_vm([crash(side, 2.5)], manager=manager).with_fields(
            {
                "hosts": [{"count": 4, "cpu_capacity": 8, "memory_bytes": 2**40}],
                "topology.hosts": 4,
                "vms": [{**vm, "count": 1, "host": 2}, {**vm, "count": 1, "host": 0}],
                "migrations": [{"vm": 0, "target": 3}, {"vm": 1, "target": 1}],
            }
        )
        _, migrations = ran(waiting)
        assert migrations.outcome[0] == "completed"
        assert migrations.end_s[0] == pytest.approx(5.25)
        assert migrations.outcome[1] == "failed"
        number = SIDES.index(side)
        assert migrations.why[1] == f"{side} host {number} crashed in phase {phase}"
        assert pd.isna(migrations.start_s[1]) and pd.isna(migrations.total_time_s[1])
        assert len(migrations) == (3 if side == "target" else 2)


def test_a_slot_freed_by_a_crash_goes_to_the_next_but_not_to_one_the_crash_ends() -> None:
    vm = {"cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "profile": QUIET, "count": 1}
    crowded = one_vm([crash("target", 2.5)], manager={"max_per_cluster": 1}).with_fields(
        {
            "vms": [{**vm, "host": 0} for _ in range(3)],
            "migrations": [
                {"vm": 0, "target": 1},
                {"vm": 1, "target": 1},
                {"vm": 2, "target": 2},
            ],
            "high_availability.migration_retries": 0,
        }
    )
    _, migrations = ran(crowded)
    assert migrations.outcome.tolist() == ["failed", "failed", "completed"]
    assert pd.isna(migrations.start_s[1])
    assert migrations.start_s[2] == pytest.approx(2.5 + 2.0)


def test_retries_stop_after_the_number_allowed_and_wait_twice_as_long_each_time() -> None:
    targets = [{"kind": "host-crash", "host": 1, "at_s": t, "repair_s": 0.5} for t in (1, 12, 33)]
    away = {"kind": "host-crash", "host": 2, "at_s": 0.0}
    faults = [away, *targets]
    _, migrations = ran(one_vm(faults, available={"migration_retries": 2}))
    assert migrations.outcome.tolist() == ["failed"] * 3
    assert migrations.queued_s.tolist() == pytest.approx([0.0, 11.0, 32.0])


def test_a_retry_finds_no_host() -> None:
    _, migrations = ran(one_vm([crash("target", 1.0), {**crash("target", 1.0), "host": 2}]))
    assert migrations.why.tolist() == [
        "target host 1 crashed in phase preparing; not tried again, no host is free for the VM"
    ]


def test_a_retry_is_dropped_when_the_vm_is_down() -> None:
    _, migrations = ran(one_vm([crash("target", 1.0), crash("source", 5.0)]))
    assert len(migrations) == 1
    assert "not tried again" in migrations.why[0]


def test_columns_are_right_between_the_events() -> None:
    often = {"duration_s": 30.0, "tick_s": 0.1}
    model = ClusterModel(one_vm([crash("source", 2.6, repair_s=40)], run=often), rng=1)
    while model.running:
        model.step()
        if model.running:
            check_now(model)
        vm, host = model.vms[0], model.machines[0]
        if 2.65 < model.time_s < 22.55:
            assert not vm.running
            assert host.failed and not host.switched_on
            assert vm.host == 0
            assert model.power_w == pytest.approx(160.0 * model.hosts_on)
        elif model.time_s > 22.65:
            assert vm.running and vm.host == 1
