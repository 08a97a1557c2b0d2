"""The energy that boots, shutdowns and migrations cause, and the energy of a whole run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.cluster.state import ClusterState
from cluster_emu.metrics.cost_accounting import BOOT, MIGRATION, SHUTDOWN, CostAccounting
from cluster_emu.metrics.power import (
    JOULES_PER_KWH,
    LinearPower,
    PowerColumns,
    PowerModel,
    SpecPower,
    load_power_tables,
)
from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from cluster_emu.strategies import strategies
from tests._support.small_scenarios import PAGE, scenario
from tests._support.small_state import small_state

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
WRITES = {"name": "uniform", "writes_per_page_s": 0.5}


LINE = LinearPower(100, 200)


def accounted(state: ClusterState, power: PowerModel = LINE) -> CostAccounting:
    return CostAccounting(state, PowerColumns([power] * state.host_count))


def test_migrations_cost_what_their_cpu_adds_to_the_power_of_each_host() -> None:
    state = small_state([2.0, 2.0, 2.0], [0, 1], [1.0, 0.5])
    costs = accounted(state)
    state.set_cpu_overhead((0, 1), (0.5, 0.25), 10.0)
    state.accrue(20.0)
    state.set_cpu_overhead((0, 1), (0.0, 0.25), 20.0)
    state.accrue(50.0)
    # 0.5 and 0.25 of 2 CPUs at 100 W for the whole host
    assert costs.parts.joules[MIGRATION].tolist() == [250.0, 40 * 12.5, 0.0]
    assert not costs.parts.joules[[BOOT, SHUTDOWN]].any()
    assert costs.figures()["migration_energy_kwh"] == pytest.approx(750.0 / JOULES_PER_KWH)


def test_a_full_host_draws_no_more_because_of_migrations() -> None:
    state = small_state([1.0, 2.0], [0, 0, 1, 1], [1.0, 0.5, 1.0, 0.5])
    costs = accounted(state)
    state.set_cpu_overhead((0, 1), (1.0, 1.0), 0.0)
    state.accrue(10.0)
    # host 1 has 0.5 CPUs left of 2 for the one that its migration takes
    assert costs.parts.joules[MIGRATION].tolist() == [0.0, 250.0]


def test_the_curve_of_the_host_decides_what_the_same_cpu_costs() -> None:
    state = small_state([10.0, 10.0], [0, 1, 1, 1, 1, 1, 1, 1, 1], [1.0] * 9)
    costs = accounted(state, SpecPower("dell-r720"))
    state.set_cpu_overhead((0, 1), (1.0, 1.0), 0.0)
    state.accrue(100.0)
    # from 10 to 20 %, and from 80 to 90 %
    expected = [100 * (87.4 - 77.1), 100 * (199 - 177)]
    assert costs.parts.joules[MIGRATION].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("server", ["dell-r640", "hp-ml110-g4", "hp-ml110-g5"])
def test_constant_load_costs_exactly_what_the_table_says(server: str) -> None:
    """Ten VMs of a core on ten cores: every host runs at 0, 10, ..., 100 % for an hour."""
    vms = [
        {"count": host, "cpu_capacity": 1, "memory_bytes": PAGE, "profile": QUIET, "host": host}
        for host in range(1, 11)
    ]
    spec = scenario(
        hosts=11,
        vms=vms,
        run={
            "tick_s": 60.0,
            "control_interval_s": 300.0,
            "duration_s": 3600.0,
            "stop_when_idle": False,
        },
        manager={"switch_off_empty_hosts": False},
    ).with_fields(
        {
            "hosts.0.cpu_capacity": 10,
            "hosts.0.power": f"specpower:server={server}",
            "migrations": [],
        }
    )
    result = ClusterModel(spec, rng=1).run()
    measured = load_power_tables()[server].watts
    last = result.tables["hosts"].groupby("host").last()
    assert last["utilisation"].tolist() == [tenth / 10 for tenth in range(11)]
    assert last["power_w"].tolist() == list(measured)
    assert last["energy_kwh"].tolist() == pytest.approx([w / 1000 for w in measured], rel=1e-14)


def still(strategy: str, power: str) -> RunResult:
    vm = {"cpu_capacity": 1, "memory_bytes": 512 * PAGE, "profile": WRITES}
    spec = scenario(
        hosts=2,
        vms=[{**vm, "count": 2, "host": 0}, {**vm, "count": 1, "host": 1}],
        strategy=strategy,
        run={
            "tick_s": 1.0,
            "control_interval_s": 5.0,
            "duration_s": 60.0,
            "stop_when_idle": False,
        },
        costs={"source_cpu": 0.5, "target_cpu": 0.5, "tracking_slowdown": 0.2},
    ).with_fields({"hosts.0.power": power, "migrations": []})
    return ClusterModel(spec, rng=1).run()


@pytest.mark.parametrize("power", ["cubic", "specpower:server=dell-r740"])
def test_where_nothing_migrates_no_strategy_changes_the_energy(power: str) -> None:
    runs = {name: still(name, power).summary for name in strategies.names()}
    energy = {name: summary["energy_kwh"] for name, summary in runs.items()}
    assert {summary["migrations"] for summary in runs.values()} == {0}
    assert len(energy) > 5
    assert len(set(energy.values())) == 1
    assert min(energy.values()) > 0


def moved(**costs: float) -> RunResult:
    """One VM of a core moves from host 0 to host 1, two equal hosts that stay on, in 100 s."""
    spec = scenario(
        hosts=2,
        vms=[
            {
                "count": 1,
                "cpu_capacity": 1,
                "memory_bytes": 4096 * PAGE,
                "profile": WRITES,
                "host": 0,
            }
        ],
        migrations=[{"vm": 0, "target": 1, "at_s": 10.0}],
        strategy="pre-copy",
        run={"duration_s": 100.0, "stop_when_idle": False},
        manager={"switch_off_empty_hosts": False},
        costs=costs,
    )
    return ClusterModel(spec, rng=1).run()


def test_energy_is_conserved_across_a_migration_but_for_the_stated_overhead() -> None:
    cores, idle_w, per_core_w = 8, 160.0, 90.0 / 8
    result = moved(source_cpu=0.75, target_cpu=0.5)
    (row,) = result.migrations.to_dict("records")
    assert row["outcome"] == "completed"
    copied_s, paused_s = row["end_s"] - row["start_s"], row["downtime_s"]
    still_j = 100.0 * (2 * idle_w + per_core_w)  # the VM uses one core of eight somewhere
    overhead_j = copied_s * (0.75 + 0.5) * per_core_w
    found_j = result.summary["energy_kwh"] * JOULES_PER_KWH
    assert cores == 8 and paused_s > 0
    assert found_j == pytest.approx(still_j - paused_s * per_core_w + overhead_j, rel=1e-12)
    stated_j = result.summary["migration_energy_kwh"] * JOULES_PER_KWH
    assert stated_j == pytest.approx(overhead_j, rel=1e-9)
    without_j = moved().summary["energy_kwh"] * JOULES_PER_KWH
    assert found_j - stated_j == pytest.approx(without_j, rel=1e-12)
    assert moved().summary["migration_energy_kwh"] == 0.0
    hosts = result.tables["hosts"].groupby("host").last()
    by_host_j = hosts["migration_energy_kwh"] * JOULES_PER_KWH
    assert by_host_j.tolist() == pytest.approx(
        [copied_s * 0.75 * per_core_w, copied_s * 0.5 * per_core_w]
    )


@given(
    overhead=st.lists(st.floats(0, 4), min_size=3, max_size=3),
    demand=st.lists(st.floats(0, 1), min_size=6, max_size=6),
    power=st.sampled_from([LinearPower(100, 200), SpecPower("dell-r640"), SpecPower()]),
)
@settings(deadline=None)
def test_energy_less_that_of_migrations_is_that_without_them(
    overhead: list[float], demand: list[float], power: PowerModel
) -> None:
    """Whatever the load, if migrations take CPU and nothing else."""
    found = []
    for taken in (overhead, [0.0] * 3):
        state = small_state([1.0, 2.0, 4.0], [0, 0, 1, 1, 2, 2], demand)
        costs = accounted(state, power)
        state.set_cpu_overhead((0, 1, 2), tuple(taken), 3.0)
        state.accrue(7.0)
        state.set_cpu_overhead((1,), (0.0,), 8.0)
        state.accrue(10.0)
        found.append((costs.meter.joules, costs.parts.joules[MIGRATION]))
    (with_j, of_migrations_j), (without_j, none_j) = found
    assert with_j - of_migrations_j == pytest.approx(without_j, rel=1e-9)
    assert (of_migrations_j >= -1e-9).all()
    assert not none_j.any()


# --- boots and shutdowns --------------------------------------------------------------------------


def woken(**host: Any) -> ClusterModel:
    """One VM leaves host 0, the only one that is on, for host 1 at 10 s; 100 s in all."""
    spec = scenario(
        hosts=2,
        vms=[
            {
                "count": 1,
                "cpu_capacity": 1,
                "memory_bytes": 1_000 * PAGE,
                "profile": QUIET,
                "host": 0,
            }
        ],
        migrations=[{"vm": 0, "target": 1, "at_s": 10.0}],
        run={
            "tick_s": 1.0,
            "control_interval_s": 5.0,
            "duration_s": 100.0,
            "stop_when_idle": False,
        },
    ).with_fields({f"hosts.0.{name}": value for name, value in host.items()})
    model = ClusterModel(spec, rng=1)
    model.run()
    return model


def test_boot_and_shutdown_take_their_time_and_power() -> None:
    model = woken(
        boot_s=30.0,
        boot_w=300.0,
        shutdown_s=4.0,
        shutdown_w=50.0,
        power="linear:idle_w=100,peak_w=180,sleep_w=2",
    )
    (row,) = model.result().migrations.to_dict("records")
    assert (row["queued_s"], row["start_s"]) == (10.0, 40.0)
    assert row["end_s"] == pytest.approx(41.0)
    boot_j, shutdown_j = model._costs.parts.joules[[BOOT, SHUTDOWN]]
    assert boot_j.tolist() == [0.0, 30 * 300.0]
    assert shutdown_j.tolist() == pytest.approx([4 * 50.0, 4 * 50.0])  # from 41 s and from 0 s on
    # host 1: off at once, asleep until 10 s, boots until 40 s, idle until 41 s, then one core of 8
    asleep_j, on_j = 6 * 2.0, 60 * 100.0 + 59 * 10.0
    assert model._costs.meter.joules[1] == pytest.approx(200 + asleep_j + 9000 + on_j)
    # host 0: one core of 8 until 41 s, shuts down until 45 s, sleeps until 100 s
    assert model._costs.meter.joules[0] == pytest.approx(41 * 110.0 + 200 + 55 * 2.0)
    summary = model.result().summary
    assert summary["boot_energy_kwh"] == pytest.approx(9000 / JOULES_PER_KWH)
    assert summary["shutdown_energy_kwh"] == pytest.approx(400 / JOULES_PER_KWH)
    assert summary["host_shutdowns"] == 2
    assert summary["time_before_shutdown_s"] == pytest.approx(41.0 / 2)


def test_a_host_that_is_woken_while_it_shuts_down_ends_that_first() -> None:
    model = woken(boot_s=30.0, shutdown_s=25.0, boot_w=300.0, shutdown_w=50.0)
    (row,) = model.result().migrations.to_dict("records")
    assert row["start_s"] == 25.0 + 30.0  # off since 0 s
    boot_j, shutdown_j = model._costs.parts.joules[[BOOT, SHUTDOWN]]
    assert (boot_j[1], shutdown_j[1]) == (9000.0, 25 * 50.0)
    assert woken(shutdown_s=25.0).result().migrations["start_s"].tolist() == [25.0]


def test_boot_and_shutdown_draw_the_power_of_an_idle_host_if_none_is_given() -> None:
    model = woken(boot_s=30.0, shutdown_s=4.0, power="idle-fraction:peak_w=200")
    assert model._costs.parts.joules[:, 1].tolist() == [30 * 140.0, 4 * 140.0, 0.0]


def test_a_crash_ends_a_shutdown_whose_time_then_counts_for_no_later_one() -> None:
    state = small_state([2.0, 2.0], [0], [0.5])
    state._hosts.shutdown_s[1] = 30.0
    power = PowerColumns([LinearPower(100, 200)] * 2, shutdown_w=[None, 60.0])
    costs = CostAccounting(state, power)
    state.switch_off([1], 10.0)
    state.crash_hosts([1], 15.0)
    state.repair_hosts([1], 40.0)
    state.accrue(50.0)
    assert costs.meter.joules[1] == 1000.0 + 5 * 60.0 + 0.0 + 1000.0
    assert costs.parts.joules[SHUTDOWN].tolist() == [0.0, 300.0]


@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_parts_never_exceed_the_energy_of_their_host(data: st.DataObject) -> None:
    state = small_state([1.0, 2.0, 2.0], [0, 0, 1], [0.7, 0.6, 0.5])
    state._hosts.boot_s[:] = 1.0
    state._hosts.shutdown_s[:] = 1.0
    power = PowerColumns([LinearPower(100, 200)] * 3, [None, 300.0, 80.0], [20.0, None, 30.0])
    costs = CostAccounting(state, power)
    now_s = 0.0
    for _ in range(data.draw(st.integers(1, 15))):
        now_s += data.draw(st.sampled_from([0.0, 0.5, 2.0]))
        match data.draw(st.sampled_from(["on", "booted", "off", "down", "overhead", "all"])):
            case "on":
                state.switch_on(2, now_s)
            case "booted":
                state.end_boot(2, now_s)
            case "off":
                state.switch_off([2], now_s)
            case "down":
                state.end_shutdown(2, now_s)
            case "overhead":
                state.set_cpu_overhead((0, 1), (0.5, data.draw(st.floats(0, 2))), now_s)
            case "all":
                state.accrue(now_s)
    state.accrue(now_s + 1.0)
    assert (costs.parts.joules >= 0).all()
    assert (costs.parts.joules.sum(axis=0) <= costs.meter.joules * (1 + 1e-12)).all()
    assert np.isfinite(costs.parts.joules).all()
