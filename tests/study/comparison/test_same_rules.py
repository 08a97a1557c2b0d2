"""Two names for one rule are noticed, and rules that differ are told apart."""

from __future__ import annotations

from itertools import combinations

import pytest

from cluster_emu.scenario import Choice
from cluster_emu.strategies import Strategy, strategies
from cluster_emu.study import compare
from cluster_emu.study.comparison.same_rules import is_same


def strategy(text: str) -> Strategy:
    choice = Choice.model_validate(text)
    return strategies.create(choice.name, **choice.parameters)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("time-series:threshold=4,history=7", "history-majority:history=7"),
        ("time-series:threshold=3,history=5", "history-majority"),
        ("time-series:threshold=3,history=3", "time-series:threshold=9,history=9"),
    ],
)
def test_one_rule_under_two_names(a: str, b: str) -> None:
    assert is_same(strategy(a), strategy(b))
    assert is_same(strategy(b), strategy(a))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("time-series:threshold=4,history=5", "history-majority"),
        ("history-majority:history=5", "history-majority:history=7"),
        ("history-majority", "history-majority:first_round=full"),
        ("history-majority", "history-majority:peek_batch_pages=64"),
        ("post-copy", "hybrid"),
    ],
)
def test_rules_that_differ_in_the_table_or_in_a_constant(a: str, b: str) -> None:
    assert not is_same(strategy(a), strategy(b))


def test_strategies_are_different_rules_by_default() -> None:
    made = {name: strategy(name) for name in strategies.names()}
    same = {(a, b) for a, b in combinations(made, 2) if is_same(made[a], made[b])}
    # Xen since 4.12 sends as pre-copy does; only the stop rules differ
    assert same <= {("pre-copy", "xen-v2")}


def test_a_comparison_of_a_rule_with_itself_says_so() -> None:
    names = ("time-series:threshold=4,history=7", "history-majority:history=7")
    report = compare("paper", names, replications=2).report()

    assert report.same_rules == (names,)
    assert report.reasons[0] == (
        f"{names[0]} and {names[1]} are the same rule: their truth tables are equal"
    )
    assert report.reasons[0] in report.answer
