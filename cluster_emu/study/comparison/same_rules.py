"""Which of the strategies compared are one rule under two names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from cluster_emu.building import create_chosen
from cluster_emu.scenario import Scenario
from cluster_emu.strategies import Strategy, strategies
from cluster_emu.study.comparison.variants import FIELD

DESCRIPTIVE = {"name", "summary", "source", "history", "code_bits", "past_bits"}
"""What a strategy says of itself that decides nothing: its table says what it reads."""


def chosen_strategy(scenario: Scenario) -> Strategy:
    """Return the transfer strategy of a scenario."""
    return create_chosen(strategies, scenario.transfer.strategy, FIELD)


def same_rules(scenarios: Mapping[str, Scenario]) -> tuple[tuple[str, str], ...]:
    """Return every pair of labels whose strategies are the same rule.

    Args:
        scenarios: by label; they differ in nothing but the strategy.
    """
    chosen = {label: chosen_strategy(scenario) for label, scenario in scenarios.items()}
    return tuple((a, b) for a, b in combinations(chosen, 2) if is_same(chosen[a], chosen[b]))


def is_same(a: Strategy, b: Strategy) -> bool:
    """Return whether two strategies decide alike on every page in every round."""
    return _constants(a) == _constants(b) and all(_same_table(a, b, number) for number in (1, 2))


def _constants(strategy: Strategy) -> dict[str, object]:
    """Return everything but the table that the engines take from a strategy."""
    names = [name for name in dir(Strategy) if not name.startswith("_")]
    values = {name: getattr(strategy, name) for name in names if name not in DESCRIPTIVE}
    return {name: value for name, value in values.items() if not callable(value)}


def _same_table(a: Strategy, b: Strategy, round_number: int) -> bool:
    """Return whether two truth tables agree; bits that only one of them reads may have any value.

    The last bits of a history code are the most recent ones, so that a table of fewer bits repeats.
    With several peeks per round the bits are those of one round, of which there must be as many.
    """
    tables = [strategy.table(round_number) for strategy in (a, b)]
    wide = max(table.shape[1] for table in tables)
    if a.peeks > 1 and tables[0].shape != tables[1].shape:
        return False
    first, second = (np.tile(table, wide // table.shape[1]) for table in tables)
    return bool((first == second).all())
