"""Faults belong to the seed: the same for every strategy, policy and tick."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.small_scenarios import BPS, PAGE, scenario

STRATEGIES = ("pre-copy", "history-majority", "post-copy", "hybrid")
STORM = [
    {"kind": "host-crash", "mtbf_s": 120, "mttr_s": 20},
    {"kind": "link-down", "mtbf_s": 150, "mttr_s": 4},
    {"kind": "link-slow", "links": [[0, 6], [1, 6]], "mtbf_s": 40, "mttr_s": 20},
    {"kind": "host-crash", "hosts": [2, 3], "at_s": 30.3, "repair_s": 11},
]


def stormy(strategy: str = "pre-copy", **run: Any) -> Scenario:
    vm = {"cpu_capacity": 2, "memory_bytes": 2000 * PAGE, "profile": "kernel-build"}
    return scenario(
        topology={"name": "star", "hosts": 6, "host_bps": BPS},
        hosts=6,
        vms=[{**vm, "count": 12}],
        strategy=strategy,
        demand={"name": "diurnal", "mean": 0.5, "amplitude": 0.4, "period_s": 20.0, "step_s": 0.7},
        migrations=[{"vm": 0, "target": 5, "at_s": 17.77}],
        manager={"triggers": ["consolidation", "load-balance"], "max_per_cluster": 3},
        transfer={"prepare_s": 0.3, "suspend_s": 0.005, "resume_s": 0.02, "finish_s": 0.1},
        faults=STORM,
        high_availability={"restart_delay_s": 5.0, "retry_s": 2.0},
        run={
            "duration_s": 120.0,
            "control_interval_s": 10.0,
            "tick_s": 1.0,
            "stop_when_idle": False,
            **run,
        },
    )


def ran(given_scenario: Scenario, rng: int = 1) -> RunResult:
    model = run_checked(ClusterModel(given_scenario, rng=rng))
    result = model.result()
    model.close()
    return result


def test_every_strategy_meets_the_same_faults() -> None:
    first, *others = [ran(stormy(strategy)).tables["faults"] for strategy in STRATEGIES]
    assert set(first["kind"]) == {"host-crash", "link-down", "link-slow"}
    assert len(first) > 10
    assert first["time_s"].is_monotonic_increasing
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_exact=True)


@pytest.mark.parametrize("strategy", ["history-majority", "post-copy"])
def test_the_same_seed_gives_the_same_tables_and_another_one_others(strategy: str) -> None:
    once, again, other = (ran(stormy(strategy), rng) for rng in (1, 1, 2))
    for name, table in once.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name], check_exact=True)
    assert not once.tables["faults"].equals(other.tables["faults"])


@pytest.mark.parametrize("strategy", ["pre-copy", "hybrid"])
def test_ticks_of_a_tenth_one_and_ten_seconds_give_the_same_records(strategy: str) -> None:
    first, *others = [
        ClusterModel(stormy(strategy, tick_s=tick_s), rng=1).run() for tick_s in (0.1, 1.0, 10.0)
    ]
    assert set(first.migrations["outcome"]) >= {"completed", "failed"}
    for other in others:
        for name in ("migrations", "rounds", "faults"):
            pd.testing.assert_frame_equal(first.tables[name], other.tables[name], check_exact=True)
        for figure in ("vms_lost", "vm_down_s", "vm_restarts"):
            assert first.summary[figure] == other.summary[figure]


def test_one_fault_more_leaves_the_others_as_they_were() -> None:
    more = stormy().with_fields({"faults": [*STORM, {"kind": "link-down", "mtbf_s": 100}]})
    with_more = ran(more).tables["faults"]
    without = ran(stormy()).tables["faults"]
    kept = with_more.merge(without, how="inner")
    assert len(kept) == len(without) < len(with_more)
