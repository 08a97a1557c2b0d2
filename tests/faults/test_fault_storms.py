"""Under random faults every VM and every byte of memory is accounted for."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.random_faults import scenarios_with_faults
from tests._support.schedules import run_schedules


def run_and_close(given_scenario: Scenario, rng: int = 1) -> ClusterModel:
    model = run_checked(ClusterModel(given_scenario, rng=rng))
    model.close()
    return model


@given(scenarios_with_faults())
@settings(max_examples=60, deadline=None)
def test_random_faults_leak_nothing(given_scenario: Scenario) -> None:
    run_and_close(given_scenario)


@pytest.mark.slow
def test_three_hundred_schedules() -> None:
    run_schedules(run_and_close, scenarios_with_faults(), count=300, part=100)


@pytest.mark.hours
@pytest.mark.parametrize("part", range(8))
def test_two_thousand_schedules(part: int) -> None:
    run_schedules(run_and_close, scenarios_with_faults(), count=250, part=part)


@given(scenarios_with_faults())
@settings(max_examples=12, deadline=None)
def test_ticks_move_no_fault_and_no_record(given_scenario: Scenario) -> None:
    fixed = given_scenario.with_fields(
        {"run.control_interval_s": 2.0, "run.duration_s": 8.0, "run.stop_when_idle": False}
    )
    tables = []
    for tick_s in (0.125, 2.0):
        model = ClusterModel(fixed.with_fields({"run.tick_s": tick_s}), rng=3)
        tables.append(model.run().tables)
        model.close()
    for name in ("migrations", "rounds", "faults"):
        pd.testing.assert_frame_equal(tables[0][name], tables[1][name], check_exact=True)
    first, second = (table["vms"] for table in tables)
    for column in ("host", "running", "lost", "down_s", "restarts"):
        assert first[column].tolist() == second[column].tolist()
