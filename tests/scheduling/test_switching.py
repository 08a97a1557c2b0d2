"""Hosts that are woken boot first: who waits for it, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.small_scenarios import PAGE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
BOOT_S = 30.0


def asleep(boot_s: float = BOOT_S, *, count: int = 1, **more: Any) -> Scenario:
    """Return a scenario in which VMs of 1,000 pages, 1 s each alone, leave host 0 at 10 s.

    Hosts 1 and 2 have no VM, so they are off from the start.
    """
    vm = {"cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": QUIET, "host": 0}
    fields: dict[str, Any] = {
        "hosts": 3,
        "vms": [{**vm, "count": count}],
        "migrations": [{"vm": number, "target": 1, "at_s": 10.0} for number in range(count)],
        "run": {"tick_s": 1.0, "control_interval_s": 5.0, "duration_s": 100.0},
    }
    return scenario(**{**fields, **more}).with_fields({"hosts.0.boot_s": boot_s})


def ran(given_scenario: Scenario) -> ClusterModel:
    return run_checked(ClusterModel(given_scenario, rng=1))


def test_a_migration_to_a_host_that_is_off_begins_when_it_has_booted() -> None:
    (row,) = ran(asleep()).result().migrations.to_dict("records")
    assert (row["queued_s"], row["start_s"]) == (10.0, 40.0)
    assert row["end_s"] == pytest.approx(41.0)
    assert row["total_time_s"] == pytest.approx(1.0)
    assert ran(asleep(0.0)).result().migrations["start_s"].tolist() == [10.0]


def test_a_host_that_is_on_does_not_boot() -> None:
    on = asleep(manager={"switch_off_empty_hosts": False})
    assert ran(on).result().migrations["start_s"].tolist() == [10.0]


def test_a_boot_draws_the_power_of_an_idle_host() -> None:
    # 160 W from 10 s on; the VM, 1 of 8 CPUs, runs there from 41 s on, until the run ends at 60 s
    run = {"tick_s": 1.0, "control_interval_s": 5.0, "duration_s": 60.0, "stop_when_idle": False}
    model = ran(asleep(run=run))
    meter = model._costs.meter
    assert meter.joules[1] == pytest.approx(160.0 * 50 + 90.0 / 8 * 19)
    assert model._costs.on_time_s[1] == 50.0


def test_a_host_says_that_it_boots_and_is_not_switched_off_meanwhile() -> None:
    asked = [{"vm": 0, "target": 1, "at_s": 10.0, "cancel_at_s": 12.0}]
    run = {"tick_s": 1.0, "control_interval_s": 7.0, "duration_s": 50.0, "stop_when_idle": False}
    model = ClusterModel(asleep(migrations=asked, run=run), rng=1)
    seen: dict[float, tuple[bool, bool]] = {}
    while model.running:
        model.step()
        machine = model.machines[1]
        seen[model.time_s] = machine.switched_on, machine.booting
    assert seen[9.0] == (False, False)
    assert seen[11.0] == seen[20.0] == seen[39.0] == (True, True)
    assert seen[41.0] == (True, False)
    assert seen[43.0] == (False, False)  # empty, at the first control instant after its boot


def test_only_migrations_to_the_host_that_boots_wait() -> None:
    asked = [{"vm": vm, "target": target, "at_s": 10.0} for vm, target in enumerate((1, 1, 2))]
    vm = {"cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "profile": QUIET}
    on_two = [{**vm, "count": 3, "host": 0}, {**vm, "count": 1, "host": 2}]
    for order in ("fifo", "disjoint-bottlenecks"):
        model = ran(
            asleep(vms=on_two, migrations=asked, manager={"max_per_cluster": 1, "order": order})
        )
        starts = model.result().migrations["start_s"].tolist()
        assert starts == pytest.approx([40.0, 41.0, 10.0])


def test_a_target_is_prepared_after_its_boot() -> None:
    for manager in ({}, {"preparing": {"max_per_cluster": 1}}):
        model = ran(asleep(count=2, transfer={"prepare_s": 2.0}, manager=manager))
        migrations = model.result().migrations
        assert migrations["prepare_s"].tolist() == [2.0, 2.0]
        assert migrations["start_s"].min() == 42.0


def test_a_vm_restarts_on_a_woken_host_after_its_boot() -> None:
    given_scenario = asleep(
        migrations=[{"vm": 0, "target": 1, "at_s": 90.0}],
        faults=[{"kind": "host-crash", "host": 0, "at_s": 10.0}],
        high_availability={"restart_delay_s": 5.0, "retry_s": 7.0},
    )
    model = ran(given_scenario)
    assert model.vms[0].running
    assert model.state.vms.down_before_s[0] == 5.0 + BOOT_S
    assert ran(given_scenario.with_fields({"hosts.0.boot_s": 0.0})).state.vms.down_before_s[0] == 5


def test_a_crash_ends_a_boot_and_the_repaired_host_is_up() -> None:
    crash = {"kind": "host-crash", "host": 1, "at_s": 20.0, "repair_s": 10.0}
    available = {"migration_retries": 3, "migration_retry_backoff_s": 11.0}
    model = ran(asleep(hosts=2, faults=[crash], high_availability=available))
    migrations = model.result().migrations
    assert migrations["outcome"].tolist() == ["failed", "completed"]
    # asked for again at 31 s, when the host, repaired at 30 s, has been switched off as empty
    assert migrations["queued_s"].tolist() == [10.0, 31.0]
    assert migrations["start_s"][1] == 61.0
    assert np.isnan(migrations["start_s"][0])


def test_a_run_that_ends_during_a_boot_says_what_still_waits() -> None:
    model = ran(asleep(run={"tick_s": 1.0, "control_interval_s": 5.0, "duration_s": 20.0}))
    (row,) = model.result().migrations.to_dict("records")
    assert (row["outcome"], row["why"]) == ("unfinished", "still queued when the run ended")
