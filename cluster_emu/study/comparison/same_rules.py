"""Which of the strategies compared are one rule under two names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from cluster_emu.building import create_chosen
from cluster_emu.scenario import Scenario
from cluster_emu.strategies import Strategy, send_alike, strategies
from cluster_emu.study.comparison.variants import FIELD


def chosen_strategy(scenario: Scenario) -> Strategy:
    """Return the transfer strategy of a scenario."""
    return create_chosen(strategies, scenario.transfer.strategy, FIELD)


def rule_in_force(scenario: Scenario) -> str:
    """Return what ends the live rounds, as text; empty where there are none."""
    transfer, own = scenario.transfer, chosen_strategy(scenario).stop_rule
    return str(transfer.policy or transfer.stop or own) if own else ""


def same_pages(a: Scenario, b: Scenario) -> bool:
    """Return whether the strategies of two scenarios send the same pages of their VMs."""
    largest = max(group.pages for group in a.vms)
    return send_alike(chosen_strategy(a), chosen_strategy(b), largest)


def same_rules(scenarios: Mapping[str, Scenario]) -> tuple[tuple[str, str], ...]:
    """Return every pair of labels whose strategies send the same pages and stop by the same rule.

    Args:
        scenarios: by label; they differ in nothing but the strategy.
    """
    return tuple(
        (a, b)
        for (a, first), (b, second) in combinations(scenarios.items(), 2)
        if rule_in_force(first) == rule_in_force(second) and same_pages(first, second)
    )
