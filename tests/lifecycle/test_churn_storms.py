"""Under random churn, faults and migrations every VM and every byte of memory is accounted for."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings

from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.random_churn import scenarios_with_churn
from tests._support.schedules import run_schedules


def run_and_close(given_scenario: Scenario, rng: int = 1) -> None:
    model = run_checked(ClusterModel(given_scenario, rng=rng))
    check_tables(model)
    model.close()


def check_tables(model: ClusterModel) -> None:
    """What has happened is in a table, and the counts are those of the table."""
    result = model.result()
    lives, figures = result.tables["lifecycle"], result.summary
    arrived = lives[lives["flavour"] >= 0]
    outcomes = lives["outcome"].value_counts()
    assert set(outcomes.index) <= {
        "waiting",
        "booting",
        "running",
        "down",
        "lost",
        "ended",
        "rejected",
    }
    assert figures["vms_arrived"] == len(arrived)
    assert figures["vms_ended"] == outcomes.get("ended", 0)
    assert figures["vms_rejected"] == outcomes.get("rejected", 0)
    assert figures["vms_waiting"] == outcomes.get("waiting", 0)
    assert figures["vms_lost"] == outcomes.get("lost", 0)
    assert figures["vms_placed"] == arrived["placed_s"].notna().sum()
    assert (lives["reason"] != "").loc[lives["outcome"] == "rejected"].all()
    stays = lives["ended_s"].fillna(model.time_s) - lives["arrived_s"]
    if not figures["vms_lost"]:
        assert stays.sum() == pytest.approx(figures["mean_vms_in_system"] * model.time_s)
    service = result.tables["service"].set_index("vm")
    never = lives.loc[lives["started_s"].isna(), "vm"]
    assert (service.loc[never].drop(columns=[]) == 0).all(axis=None)
    ran_s = lives["ended_s"].fillna(model.time_s) - lives["started_s"]
    wanted_s = service.loc[lives["vm"], "cpu_wanted_s"].to_numpy()
    largest = 3.0 * 2.0  # the largest CPU after any resize, with demand 1
    assert (wanted_s <= ran_s.fillna(0.0).to_numpy() * largest + 1e-9).all()


@given(scenarios_with_churn())
@settings(max_examples=20, deadline=None)
def test_random_churn_leaks_nothing(given_scenario: Scenario) -> None:
    run_and_close(given_scenario)


@pytest.mark.slow
def test_a_hundred_schedules() -> None:
    run_schedules(run_and_close, scenarios_with_churn(), count=100, part=100)


@pytest.mark.hours
@pytest.mark.parametrize("part", range(20))
def test_five_thousand_schedules(part: int) -> None:
    run_schedules(run_and_close, scenarios_with_churn(), count=250, part=part)


@given(scenarios_with_churn())
@settings(max_examples=6, deadline=None)
def test_ticks_move_no_life(given_scenario: Scenario) -> None:
    fixed = given_scenario.with_fields(
        {"run.control_interval_s": 2.0, "run.duration_s": 8.0, "run.stop_when_idle": False}
    )
    tables = []
    for tick_s in (0.125, 2.0):
        model = ClusterModel(fixed.with_fields({"run.tick_s": tick_s}), rng=3)
        tables.append(model.run().tables)
        model.close()
    for name in ("lifecycle", "migrations", "rounds", "faults"):
        pd.testing.assert_frame_equal(tables[0][name], tables[1][name], check_exact=True)
    first, second = (table["vms"] for table in tables)
    for column in ("vm", "host", "running", "lost", "down_s", "restarts"):
        assert first[column].tolist() == second[column].tolist()
