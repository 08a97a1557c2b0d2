"""What decides and limits a migration: the scenario first, then the policy or the method."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.building.transfer import (
    end_of_live_rounds,
    manager_policy,
    stalls_left_out,
    transfer_settings,
)
from cluster_emu.managers import policies
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Costs, Scenario, Transfer, load_scenario
from cluster_emu.scenario.transfer import Choice
from cluster_emu.strategies import Strategy, strategies
from cluster_emu.transfer.stop_rules import stop_rules
from tests._support.small_scenarios import BPS, WIRE, scenario

QEMU_BASED = [name for name in policies.names() if policies.create(name).lifts_cap_when_stopped]


def settings(transfer: Transfer, policy: str = "qemu") -> Any:
    return transfer_settings(transfer, Costs(), policies.create(policy), track_versions=False)


def record(given: Scenario) -> pd.Series[Any]:
    return ClusterModel(given, rng=1).run().migrations.iloc[0]


# --- the policy's defaults -----------------------------------------------------------------------


@pytest.mark.parametrize("policy", QEMU_BASED)
@pytest.mark.parametrize(("set_to", "lifted"), [(None, True), (True, True), (False, False)])
def test_what_is_set_about_the_cap_wins_over_the_policy(
    policy: str, set_to: bool | None, lifted: bool
) -> None:
    assert settings(Transfer(lift_cap_when_stopped=set_to), policy).lift_cap_when_stopped is lifted


def test_without_a_policy_of_qemu_the_cap_stays() -> None:
    assert settings(Transfer(), "vmotion").lift_cap_when_stopped is False
    assert settings(Transfer(lift_cap_when_stopped=True), "vmotion").lift_cap_when_stopped is True


@pytest.mark.parametrize(("lift", "factor"), [(None, 1.0), (False, 10.0)])
def test_a_cap_that_is_kept_makes_the_downtime_ten_times_as_long(
    lift: bool | None, factor: float
) -> None:
    """A tenth of the link carries 100 pages/s; 1,000 pages/s carry what it left in 0.3 s."""
    given = scenario(
        pages=1000,
        profile={"name": "uniform", "writes_per_page_s": 0.0},
        strategy="qemu",
        transfer={"policy": "qemu", "bandwidth_bps": BPS / 10, "lift_cap_when_stopped": lift},
    )
    row = record(given)
    stop_bytes = row["pages_sent_stop"] * WIRE
    assert row["pages_sent_stop"] == 30  # 0.3 s at 100 pages/s, without headers
    assert row["downtime_s"] == pytest.approx(factor * stop_bytes / (BPS / 8))


def test_a_limit_of_the_channel_holds_while_the_vm_is_stopped() -> None:
    given = scenario(
        pages=1000,
        profile={"name": "uniform", "writes_per_page_s": 0.0},
        strategy="qemu",
        transfer={"policy": "qemu", "channel_bandwidth_bps": BPS / 10},
    )
    row = record(given)
    assert row["downtime_s"] == pytest.approx(row["pages_sent_stop"] * WIRE / (BPS / 80))


def test_the_scenarios_cap_and_limits_win_over_the_policys() -> None:
    assert settings(Transfer()).bandwidth_bytes_per_s == 128 * 2**20
    assert settings(Transfer(bandwidth_bps=8e9)).bandwidth_bytes_per_s == 1e9
    assert settings(Transfer(page_time_s=1e-3)).network_cap_bytes_per_s(
        4104, stopped=False
    ) == pytest.approx(4_104_000)


# --- the stop rule -------------------------------------------------------------------------------

OWN = {
    "history-majority": "fixed-rounds:rounds=5",
    "hybrid": "fixed-rounds:rounds=1",
    "ma": "xen-legacy",
    "matrix-bitmap": "xen-legacy",
    "post-copy": "",
    "pre-copy": "clark",
    "qemu": "qemu",
    "stop-and-copy": "",
    "time-series": "fixed-rounds:rounds=5",
    "xen-legacy": "xen-legacy",
    "xen-v2": "xen-v2",
}


@pytest.mark.parametrize(("name", "rule"), OWN.items())
def test_a_method_has_a_stop_rule_of_its_own(name: str, rule: str) -> None:
    strategy = strategies.create(name)
    assert strategy.stop_rule == rule
    if rule:
        choice = Choice.model_validate(rule)
        controller = manager_policy(Transfer(), strategy).create_controller(2**30)
        own = stop_rules.create(choice.name, **choice.parameters)
        assert controller.sync_threshold_bytes(1e9) == own.sync_threshold_bytes(1e9)
        assert controller.next_check_s() == (own.deadline_s or float("inf"))


def test_a_plug_in_that_says_nothing_always_ends() -> None:
    assert Strategy().stop_rule == "xen-legacy"


def test_the_hybrid_s_rule_is_its_number_of_live_rounds() -> None:
    assert strategies.create("hybrid", live_rounds=4).stop_rule == "fixed-rounds:rounds=4"


@pytest.mark.parametrize(
    ("strategy", "stop", "rounds", "why"),
    [
        ("history-majority", None, 5, "5 rounds"),
        ("history-majority", "fixed-rounds:rounds=2", 2, "2 rounds"),
        ("xen-v2", None, 5, "5 rounds"),
        ("xen-legacy", "fixed-rounds:rounds=3", 3, "3 rounds"),
        ("hybrid:live_rounds=2", None, 2, "live rounds before post-copy: 2"),
    ],
)
def test_it_holds_unless_the_scenario_sets_one(
    strategy: str, stop: str | None, rounds: int, why: str
) -> None:
    given = scenario(
        pages=500,
        profile={"name": "uniform", "writes_per_page_s": 2.0},
        strategy=strategy,
        stop=stop,
    )
    row = record(given)
    assert (row["rounds"], row["why"]) == (rounds, why)


def test_qemu_is_qemu() -> None:
    row = record(
        scenario(
            pages=2000,
            profile={"name": "uniform", "writes_per_page_s": 0.05},
            strategy="qemu",
            stop=None,
        )
    )
    assert row["why"] == "fits 0.3 s of downtime"


@pytest.mark.parametrize("name", ["single", "cluster"])
def test_built_in_scenarios_leave_the_rule_to_the_method(name: str) -> None:
    assert load_scenario(name).transfer.stop is None


@pytest.mark.parametrize(
    ("transfer", "sentence"),
    [
        ({"strategy": "qemu"}, "by the stop rule qemu, that of qemu itself"),
        ({"strategy": "qemu", "stop": "clark"}, "by the stop rule clark, which the scenario sets"),
        ({"strategy": "qemu", "policy": "nova"}, "The policy nova decides when live rounds end."),
        ({"strategy": "post-copy"}, "post-copy has no live rounds, so no stop rule is asked"),
    ],
)
def test_a_run_says_which_rule_decides(transfer: dict[str, Any], sentence: str) -> None:
    given = Transfer.model_validate(transfer)
    choice = given.strategy
    strategy = strategies.create(choice.name, **choice.parameters)
    assert sentence in end_of_live_rounds(given, strategy)


@pytest.mark.parametrize(
    ("fidelity", "name", "said"),
    [
        ("scalar", "post-copy", True),
        ("scalar", "hybrid", True),
        ("scalar", "pre-copy", False),
        ("pages", "post-copy", False),
    ],
)
def test_a_model_without_pages_says_that_it_has_no_stalls(
    fidelity: str, name: str, said: bool
) -> None:
    assert bool(stalls_left_out(fidelity, strategies.create(name))) is said
