"""The tick is the grain of control and observation: it moves no result.

Identical records of idle VMs and means within 0.5 % for writing ones are asked for. The transfer
phase is exact, so the stronger statement is tested: every record is the same, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import BPS, PAGE, random_scenarios, scenario

TICKS_S = (0.1, 1.0, 10.0)
RUN = {"duration_s": 120.0, "control_interval_s": 10.0, "stop_when_idle": False}
WAVE = {
    "name": "diurnal",
    "mean": 0.5,
    "amplitude": 0.4,
    "period_s": 20.0,
    "jitter_s": 10.0,
    "step_s": 0.7,
}
BURSTY = {
    "name": "inline",
    "classes": [
        {"share": 0.2, "writes_per_page_s": 4.0},
        {"share": 0.8, "writes_per_page_s": 0.02},
    ],
    "moving": {"share": 0.1, "writes_per_page_s": 2.0, "period_s": 1.3},
    "burst": {"on_s": 0.9, "off_s": 0.6, "level_off": 0.1},
}


def run_at(given_scenario: Scenario, tick_s: float, seed: int = 1) -> RunResult:
    model = ClusterModel(given_scenario.with_fields({"run.tick_s": tick_s}), rng=seed)
    result = model.run()
    model.close()
    return result


def assert_same_records(
    given_scenario: Scenario, ticks_s: tuple[float, ...] = TICKS_S
) -> RunResult:
    first, *others = [run_at(given_scenario, tick_s) for tick_s in ticks_s]
    assert len(first.migrations) > 0
    for other in others:
        pd.testing.assert_frame_equal(first.migrations, other.migrations, check_exact=True)
        pd.testing.assert_frame_equal(first.rounds, other.rounds, check_exact=True)
    return first


@pytest.mark.parametrize("strategy", ["pre-copy", "qemu", "history-majority", "post-copy"])
def test_idle_vms(strategy: str) -> None:
    quiet = {"name": "uniform", "writes_per_page_s": 0.0}
    assert_same_records(
        scenario(pages=3000, profile=quiet, strategy=strategy, run=RUN, stop="xen-v2")
    )


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["xen-legacy:peek_batch_pages=16", "hybrid", "ma"])
@pytest.mark.parametrize("profile", ["web", "oltp", BURSTY], ids=["web", "oltp", "bursty"])
def test_vms_that_write_in_bursts_with_a_demand_that_waves(strategy: str, profile: Any) -> None:
    assert_same_records(
        scenario(
            pages=3000,
            profile=profile,
            strategy=strategy,
            stop="qemu:deadline_s=20,downtime_limit_s=0.01",
            demand=WAVE,
            run=RUN,
            migrations=[{"vm": 0, "target": 1, "at_s": 3.3}],
        )
    )


def test_warm_histories_are_logged_at_the_intensity_of_their_own_instant() -> None:
    # the request comes in the middle of a tick, the VM's bursts last less than one
    assert_same_records(
        scenario(
            pages=2000,
            profile=BURSTY,
            strategy="history-majority",
            stop="fixed-rounds:rounds=4",
            run=RUN,
            migrations=[{"vm": 0, "target": 1, "at_s": 13.7}],
            transfer={"warm_intervals": 5, "warm_interval_s": 0.3},
        )
    )


def consolidating(**more: Any) -> Scenario:
    vm = {"cpu_capacity": 2, "memory_bytes": 2000 * PAGE, "profile": "kernel-build"}
    return scenario(
        topology={"name": "star", "hosts": 6, "host_bps": BPS},
        hosts=6,
        vms=[{**vm, "count": 9}],
        migrations=[{"vm": 0, "target": 5, "at_s": 17.77}],
        demand=WAVE,
        run={**RUN, "duration_s": 60.0},
        manager={
            "triggers": ["consolidation"],
            "max_per_cluster": 3,
            "max_inbound_per_host": 1,
        },
        transfer={"suspend_s": 0.005, "resume_s": 0.02},
        **more,
    )


def test_a_consolidating_cluster() -> None:
    result = assert_same_records(consolidating(strategy="history-majority"))
    assert len(result.migrations) > 3


def test_energy_and_overload_of_a_consolidating_cluster() -> None:
    figures = [run_at(consolidating(), tick_s).summary for tick_s in TICKS_S]
    for name in ("energy_kwh", "mean_hosts_on", "overload_time_share", "simulated_s"):
        assert [each[name] for each in figures] == pytest.approx([figures[0][name]] * 3, rel=1e-9)


def test_what_is_observed_at_control_instants() -> None:
    tables = [run_at(consolidating(), tick_s).tables for tick_s in TICKS_S]
    for name in ("hosts", "vms", "links"):
        for other in tables[1:]:
            pd.testing.assert_frame_equal(tables[0][name], other[name], rtol=1e-9)


@given(random_scenarios())
@settings(max_examples=15)
def test_random_clusters(given_scenario: Scenario) -> None:
    fixed = given_scenario.with_fields(
        {"run.control_interval_s": 1.0, "run.duration_s": 8.0, "run.stop_when_idle": False}
    )
    assert_same_records(fixed, ticks_s=(0.125, 1.0))


class EveryTick(ClusterModel):
    """Skips no tick, as it has a step of its own."""

    def step(self) -> None:
        super().step()


@given(random_scenarios(), st.integers(0, 2**20))
@settings(deadline=None, max_examples=12)
def test_ticks_that_are_skipped_are_not_missed(any_scenario: Scenario, seed: int) -> None:
    models = [kind(any_scenario, rng=seed) for kind in (ClusterModel, EveryTick)]
    skipping, every = (model.run() for model in models)
    assert models[0].steps == models[1].steps
    assert models[0].time_s == models[1].time_s
    assert skipping.tables.keys() == every.tables.keys()
    for name, table in every.tables.items():
        exact = name in ("migrations", "rounds", "links", "faults")  # others add up pieces of time
        pd.testing.assert_frame_equal(
            skipping.tables[name], table, check_exact=exact, rtol=1e-12, atol=1e-12
        )


def test_quiet_ticks_are_skipped() -> None:
    fields = {"run.tick_s": 0.1, **{f"run.{name}": value for name, value in RUN.items()}}
    model = ClusterModel(scenario(pages=100).with_fields(fields), rng=1)
    model.run()
    rows = model.datacollector.get_model_vars_dataframe()
    assert rows["time_s"].iloc[-1] == model.time_s == pytest.approx(model.steps * 0.1)
    assert len(rows) < 0.2 * model.steps


@pytest.mark.parametrize("at_s", [100.0, 100.5])
def test_a_run_that_stops_when_idle_ends_with_the_same_tick(at_s: float) -> None:
    migrations = [{"vm": 0, "target": 1, "at_s": 0.0}, {"vm": 0, "target": 1, "at_s": at_s}]
    given = scenario(pages=100).with_fields(
        {"migrations": migrations, "run.tick_s": 1.0, "run.control_interval_s": 300.0}
    )
    ends = []
    for kind in (ClusterModel, EveryTick):
        model = kind(given, rng=1)
        model.run()
        ends.append(model.time_s)
    assert ends[0] == ends[1] == np.ceil(at_s)
