"""The model as a whole: the four phases, determinism, energy, tables, and its end."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.metrics.power import JOULES_PER_KWH
from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import BPS, PAGE, WIRE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}
LINEAR = {"name": "linear", "idle_w": 100.0, "peak_w": 200.0, "sleep_w": 5.0}


def busy_cluster(**fields: Any) -> Scenario:
    """Six hosts that consolidate while demand waves and VMs write in bursts."""
    vm = {"cpu_capacity": 2, "memory_bytes": 1500 * PAGE}
    return scenario(
        topology={"name": "star", "hosts": 6, "host_bps": BPS},
        hosts=6,
        vms=[
            {**vm, "count": 5, "profile_mix": {"web": 1.0, "oltp": 2.0}},
            {**vm, "count": 4, "profile": "analytics"},
        ],
        migrations=[{"vm": 8, "target": 0, "at_s": 7.3}],
        demand={
            "name": "diurnal",
            "mean": 0.5,
            "amplitude": 0.4,
            "period_s": 30.0,
            "jitter_s": 15.0,
            "step_s": 1.0,
        },
        run={"duration_s": 40.0, "control_interval_s": 10.0, "stop_when_idle": False},
        manager={"triggers": ["consolidation", "load-balance"]},
        placement="random",
        strategy="history-majority",
    ).with_fields(fields)


def assert_same_result(one: RunResult, other: RunResult) -> None:
    assert one.tables.keys() == other.tables.keys()
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)
    assert one.notes == other.notes
    assert one.scenario == other.scenario


# --- determinism ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_tables_to_the_last_bit() -> None:
    first, second = (ClusterModel(busy_cluster(), rng=3).run() for _ in range(2))
    assert len(first.migrations) > 2
    assert_same_result(first, second)


def test_another_seed_gives_another_run() -> None:
    first, second = (ClusterModel(busy_cluster(), rng=seed).run() for seed in (3, 4))
    assert not first.tables["vms"].equals(second.tables["vms"])
    assert not first.migrations.equals(second.migrations)


def test_another_strategy_sees_the_same_workload() -> None:
    first, second = (
        ClusterModel(busy_cluster(), strategy=name, rng=3).run()
        for name in ("stop-and-copy", "post-copy")
    )
    columns = ["time_s", "vm", "demand", "intensity", "dirty_pages_per_s"]
    pd.testing.assert_frame_equal(first.tables["vms"][columns], second.tables["vms"][columns])


def test_models_do_not_disturb_each_other() -> None:
    alone = ClusterModel(busy_cluster(), rng=3).run()
    one, other = ClusterModel(busy_cluster(), rng=3), ClusterModel(busy_cluster(), rng=9)
    while one.running:
        one.step()
        if other.running:
            other.step()
    assert_same_result(alone, one.result())


def test_a_result_may_be_asked_for_on_the_way() -> None:
    model = ClusterModel(busy_cluster(), rng=3)
    while model.running:
        model.step()
        model.result()
    assert_same_result(ClusterModel(busy_cluster(), rng=3).run(), model.result())


# --- the four phases -----------------------------------------------------------------------------


def test_a_step_is_a_tick_and_the_last_one_ends_with_the_run() -> None:
    model = ClusterModel(
        scenario(run={"duration_s": 2.5, "tick_s": 1.0, "stop_when_idle": False}), rng=1
    )
    times = []
    while model.running:
        model.step()
        times.append(model.time_s)
    assert times == [1.0, 2.0, 2.5]
    assert model.result().summary["simulated_s"] == pytest.approx(2.5)


def test_a_run_may_stop_when_nothing_is_left_to_do() -> None:
    model = ClusterModel(
        scenario(
            profile=QUIET,
            pages=1_000,
            migrations=[{"vm": 0, "target": 1}, {"vm": 0, "target": 0, "at_s": 6.5}],
        ),
        rng=1,
    )
    migrations = model.run().migrations
    assert len(migrations) == 2
    assert 7.5 <= model.time_s <= 9.0


def test_cpu_is_granted_as_demanded_or_in_proportion() -> None:
    vm = {"cpu_capacity": 4, "memory_bytes": PAGE, "profile": "idle"}
    model = ClusterModel(
        scenario(
            vms=[{**vm, "count": 3, "host": 0}, {**vm, "count": 1, "host": 1}],
            demand={"name": "constant", "share": 0.75},
        ),
        rng=1,
    )
    granted = model.state.vms.cpu_granted
    assert granted[:3].tolist() == pytest.approx([8 / 3] * 3)  # 9 wanted, 8 to be had
    assert granted[3] == pytest.approx(3.0)
    assert model.state.hosts.utilisation.tolist() == pytest.approx([1.0, 3 / 8])


def test_dirty_rates_are_kept_for_every_vm_migrating_or_not() -> None:
    model = ClusterModel(busy_cluster(), rng=3)
    rates = model.state.vms.dirty_pages_per_s
    assert rates.shape == (9,)
    assert np.all(rates > 0)


@pytest.mark.parametrize(
    ("control_s", "tick_s", "duration_s"),
    [(10.0, 1.0, 40.0), (1.0, 1.0, 7.0), (0.3, 0.1, 3.0), (0.1, 0.1, 2.0), (0.7, 0.7, 7.0)],
)
def test_the_manager_plans_at_every_control_instant(
    control_s: float, tick_s: float, duration_s: float
) -> None:
    model = ClusterModel(
        busy_cluster(
            **{
                "run.control_interval_s": control_s,
                "run.tick_s": tick_s,
                "run.duration_s": duration_s,
                "manager.triggers": ["consolidation"],
            }
        ),
        rng=1,
    )
    model.run()
    planned = [now_s for now_s, _ in model.manager.reports]
    expected = control_s * np.arange(round(duration_s / control_s))
    assert planned == pytest.approx(expected.tolist())


# --- energy --------------------------------------------------------------------------------------


def joules(result: RunResult) -> float:
    return result.summary["energy_kwh"] * JOULES_PER_KWH


@given(
    share=st.just(0.0) | st.floats(1e-30, 1),
    duration_s=st.floats(0.5, 50),
    tick_s=st.sampled_from([0.25, 1.0, 5.0]),
)
def test_energy_at_constant_load_is_power_times_time(
    share: float, duration_s: float, tick_s: float
) -> None:
    model = ClusterModel(
        scenario(
            vms=[
                {"count": 2, "cpu_capacity": 2, "memory_bytes": PAGE, "profile": "idle", "host": 0}
            ],
            demand={"name": "constant", "share": share},
            migrations=[],
            run={
                "duration_s": duration_s,
                "tick_s": tick_s,
                "control_interval_s": 5.0,
                "stop_when_idle": False,
            },
            manager={"switch_off_empty_hosts": False},
        ).with_fields({"migrations": [], "hosts.0.power": LINEAR}),
        rng=1,
    )
    expected_w = 100 + 100 * (4 * share / 8) + 100
    assert joules(model.run()) == pytest.approx(expected_w * duration_s, rel=1e-9)


def test_energy_follows_a_vm_at_the_very_instant_it_moves() -> None:
    # 3 s to copy 3,000 pages: the VM's half load (50 W) goes over to host 1, which was on already
    model = ClusterModel(
        scenario(
            vms=[
                {
                    "count": 1,
                    "cpu_capacity": 8,
                    "memory_bytes": 3_000 * PAGE,
                    "profile": QUIET,
                    "host": 0,
                },
                {"count": 1, "cpu_capacity": 4, "memory_bytes": PAGE, "profile": QUIET, "host": 0},
                {"count": 1, "cpu_capacity": 4, "memory_bytes": PAGE, "profile": QUIET, "host": 1},
            ],
            demand={"name": "constant", "share": 0.5},
            run={
                "duration_s": 10.0,
                "tick_s": 10.0,
                "control_interval_s": 10.0,
                "stop_when_idle": False,
            },
        ).with_fields({"hosts.0.power": LINEAR}),
        rng=1,
    )
    model.run()
    host_kwh = model.result().tables["hosts"].groupby("host")["energy_kwh"].last()
    before, after = 100 + 75, 100 + 25
    assert (host_kwh * JOULES_PER_KWH).tolist() == pytest.approx(
        [3 * before + 7 * after, 3 * after + 7 * before]
    )


def test_an_empty_host_sleeps() -> None:
    model = ClusterModel(
        scenario(
            hosts=3,
            vms=[
                {"count": 1, "cpu_capacity": 4, "memory_bytes": PAGE, "profile": QUIET, "host": 0}
            ],
            run={
                "duration_s": 100.0,
                "tick_s": 1.0,
                "control_interval_s": 1.0,
                "stop_when_idle": False,
            },
        ).with_fields({"migrations": [], "hosts.0.power": LINEAR}),
        rng=1,
    )
    result = model.run()
    # a whole second of idling before the first control instant may or may not be allowed
    least = 100 * 150 + 2 * 100 * 5
    assert least <= joules(result) <= least + 2 * 95
    assert result.tables["hosts"].groupby("host")["switched_on"].last().tolist() == [
        True,
        False,
        False,
    ]


# --- tables --------------------------------------------------------------------------------------


def test_the_tables_are_there_with_or_without_migrations() -> None:
    names = {
        "migrations",
        "rounds",
        "limits",
        "hosts",
        "vms",
        "links",
        "service",
        "background",
        "faults",
        "summary",
    }
    empty = ClusterModel(
        scenario(run={"duration_s": 1.0, "stop_when_idle": False}).with_fields({"migrations": []}),
        rng=1,
    ).run()
    full = ClusterModel(busy_cluster(), rng=1).run()
    assert set(empty.tables) == set(full.tables) == names
    assert empty.migrations.columns.tolist() == full.migrations.columns.tolist()
    assert len(empty.migrations) == 0
    assert empty.summary["migrations"] == 0


def test_the_summary_sums_up_the_migrations() -> None:
    result = ClusterModel(busy_cluster(), rng=1).run()
    migrations, summary = result.migrations, result.summary
    completed = migrations[migrations["outcome"] == "completed"]
    assert summary["migrations"] == len(migrations)
    assert summary["completed"] == len(completed)
    assert summary["downtime_s"] == pytest.approx(completed["downtime_s"].mean())
    assert summary["total_bytes"] == pytest.approx(migrations["bytes"].sum())


def test_links_carry_what_migrations_send() -> None:
    model = ClusterModel(busy_cluster(), rng=1)
    result = model.run()
    # a star: every byte leaves a host once and enters one once
    assert result.tables["links"]["bytes"].sum() == pytest.approx(
        2 * result.migrations["bytes"].sum()
    )
    assert result.tables["links"]["mean_utilisation"].max() <= 1 + 1e-9
    assert model.loop.bytes_carried().sum() == pytest.approx(result.tables["links"]["bytes"].sum())


def test_hosts_are_observed_at_control_instants_and_at_the_end() -> None:
    result = ClusterModel(busy_cluster(**{"run.duration_s": 35.0}), rng=1).run()
    times = sorted(result.tables["hosts"]["time_s"].unique())
    assert times == [0.0, 10.0, 20.0, 30.0, 35.0]
    assert (result.tables["hosts"].groupby("time_s")["vm_count"].sum() == 9).all()


# --- bad input and the end -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"scenario": "singel"}, "singel"),
        ({"strategy": "xen"}, "xen"),
        ({"strategy": "time-series:treshold=4"}, "treshold"),
        ({"strategy": "time-series:threshold=40"}, "threshold"),
        ({"strategy": "time-series:threshold"}, "threshold"),
        ({"transfer.stop": "never"}, "never"),
        ({"transfer.stopp": "qemu"}, "stopp"),
        ({"run.tick_s": -1}, "tick_s"),
        ({"run.tick_s": 7}, "tick_s"),
        ({"run.control_interval_s": 0.5}, "tick_s"),
        ({"vms.0.memory_bytes": "1 TiB"}, "memory_bytes"),
        ({"vms.3.memory_bytes": 4096}, "vms.3"),
        ({"vms.0.profile": "wbe"}, "wbe"),
        ({"hosts.0.count": 5}, "hosts"),
        ({"migrations": [{"vm": 7, "target": 1}]}, "migrations.0.vm"),
        ({"migrations": [{"vm": 0, "target": 9}]}, "migrations.0.target"),
        ({"topology.hosts": 0}, "hosts"),
        ({"rng": -1}, "rng"),
        ({"rng": "abc"}, "rng"),
    ],
    ids=str,
)
def test_bad_input_is_one_error_that_names_it(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ClusterEmuError, match=named):
        ClusterModel(**arguments)


def test_what_is_asked_for_at_an_instant_is_seen_at_it() -> None:
    run = {"tick_s": 10.0, "control_interval_s": 10.0}
    hosts = ClusterModel(scenario(pages=2000, run=run), rng=1).run().tables["hosts"]
    first = hosts[hosts["time_s"] == 0.0].set_index("host")
    assert first["switched_on"].tolist() == [True, True]  # the target is asleep until asked for
    assert first["outgoing"].tolist() == [1, 0]
    assert first["incoming"].tolist() == [0, 1]


def test_a_closed_model_is_freed() -> None:
    model = ClusterModel(scenario(), rng=1)
    model.run()
    gone = weakref.ref(model)
    columns = weakref.ref(model.state.vms.host)
    model.close()
    del model
    gc.collect()
    assert gone() is None
    assert columns() is None


def test_closing_twice_does_no_harm() -> None:
    model = ClusterModel(scenario(), rng=1)
    model.close()
    model.close()


def test_the_built_in_single_runs() -> None:
    model = ClusterModel("single", rng=1)
    row = model.run().migrations.iloc[0]
    assert row["outcome"] == "completed"
    # 1 GiB at 1 Gbit/s, header included, and some pages more than once
    once_s = 262_144 * WIRE / 125e6
    assert once_s < row["total_time_s"] < 2 * once_s


def test_a_scenario_error_is_what_is_raised_for_fields() -> None:
    with pytest.raises(ScenarioError) as caught:
        ClusterModel("single", **{"run.duration_s": "ten minutes"})
    assert caught.value.field == "run.duration_s"
