"""What a compared strategy takes from the scenario's own, and what is complained of."""

from __future__ import annotations

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study import variants


@pytest.fixture
def paper() -> Scenario:
    """Return the reference paper's scenario: history 5, full first round."""
    return load_scenario("paper")


def parameters(base: Scenario, text: str) -> dict[str, object]:
    (variant,) = variants(base, [text])
    return variant.scenario.transfer.strategy.parameters


def test_parameters_of_the_scenarios_own_strategy_carry_over(paper: Scenario) -> None:
    (variant,) = variants(paper, ["time-series"])

    assert variant.scenario.transfer.strategy.name == "time-series"
    assert variant.carried == {"history": 5, "first_round": "full"}
    assert variant.assumptions == (
        "time-series takes history = 5, first_round = full from the scenario's own strategy.",
    )


def test_what_the_text_says_is_not_carried_over(paper: Scenario) -> None:
    assert parameters(paper, "time-series:history=7,threshold=6") == {
        "history": 7,
        "threshold": 6,
        "first_round": "full",
    }


def test_a_strategy_takes_only_parameters_it_has(paper: Scenario) -> None:
    assert parameters(paper, "xen-legacy") == {"first_round": "full"}
    (variant,) = variants(paper, ["post-copy"])
    assert (variant.carried, variant.assumptions) == ({}, ())


def test_the_rest_of_the_scenario_stays(paper: Scenario) -> None:
    (variant,) = variants(paper, ["history-majority"])

    assert variant.scenario == paper


def test_a_parameter_set_for_all_reaches_those_that_have_it(paper: Scenario) -> None:
    stricter = paper.with_fields({"transfer.strategy.threshold": 3})
    series, majority = variants(stricter, ["time-series", "history-majority"])

    assert series.carried["threshold"] == 3
    assert "threshold" not in majority.carried


@pytest.mark.parametrize(
    ("texts", "field", "allowed"),
    [
        ([], "strategies", "at least one"),
        (["ma", "ma "], "strategies", "once"),
        (["majority"], "strategies.majority", "history-majority"),
        (["time-series:threshold=9"], "strategies.time-series.threshold", "1 to 5"),
        (["ma:colour=red"], "strategies.ma.colour", "a parameter of"),
        (["ma:colour"], "strategies", "no '='"),
    ],
)
def test_bad_strategies_are_named(
    paper: Scenario, texts: list[str], field: str, allowed: str
) -> None:
    with pytest.raises(ScenarioError, match=allowed) as caught:
        variants(paper, texts)
    assert caught.value.field == field


def test_a_misspelt_parameter_does_not_vanish(paper: Scenario) -> None:
    stricter = paper.with_fields({"transfer.strategy.treshold": 3})

    with pytest.raises(ScenarioError, match="threshold") as caught:
        variants(stricter, ["time-series", "history-majority"])
    assert caught.value.field == "transfer.strategy.treshold"
