"""VMs of two and three pages, where every chance can be written down."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import chisquare

from cluster_emu.encoding import Encoding
from cluster_emu.memory.lumped import PageClasses
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.strategies import HistoryMajority, Strategy, XenLegacy

SEEDS = 1200
ALARM = 1e-3
"""Chance that a test of this file fails although all is well; seeds are fixed."""
TIME_PER_PAGE = 0.4


def engine(rates: list[float], strategy: Strategy, seed: int) -> LumpedEngine:
    classes = PageClasses(np.ones(len(rates), dtype=np.int64), np.array(rates))
    return LumpedEngine(classes, strategy, Encoding(1.0), np.random.default_rng(seed))


def one_round(rates: list[float], strategy: Strategy, seed: int) -> tuple[int, int]:
    """Return pages sent and pages dirtied in the first round."""
    memory = engine(rates, strategy, seed)
    memory.begin_round()
    left = memory.plan(TIME_PER_PAGE)
    counts = memory.end_round(left * TIME_PER_PAGE)
    return counts.sent, counts.dirtied


def enumerated(rates: list[float]) -> dict[tuple[int, int], float]:
    """Return the chances of (sent, dirtied) in round 1 of "skip what is dirty at its visit"."""
    chances: dict[tuple[int, int], float] = {}
    orders = list(itertools.permutations(rates))
    for order in orders:
        for seen in itertools.product((True, False), repeat=len(order)):  # clean at the visit?
            sent_before = [sum(seen[:place]) for place in range(len(seen))]
            length = sum(seen) * TIME_PER_PAGE
            ways = {0: 1.0 / len(orders)}
            for rate, clean, sent in zip(order, seen, sent_before, strict=True):
                at_turn = math.exp(-rate * sent * TIME_PER_PAGE)
                at_end = math.exp(-rate * length)
                to = {0: at_end, 1: at_turn - at_end} if clean else {1: 1.0 - at_turn}
                new: dict[int, float] = {}
                for dirtied, chance in ways.items():
                    for more, factor in to.items():
                        new[dirtied + more] = new.get(dirtied + more, 0.0) + chance * factor
                ways = new
            for dirtied, chance in ways.items():
                key = (sum(seen), dirtied)
                chances[key] = chances.get(key, 0.0) + chance
    return {key: chance for key, chance in chances.items() if chance > 0}


@pytest.mark.parametrize("rates", [[1.0, 0.2], [0.5, 2.0, 0.0], [1.5, 1.0, 0.7]])
def test_first_round_is_as_enumerated(rates: list[float]) -> None:
    chances = enumerated(rates)
    assert sum(chances.values()) == pytest.approx(1.0)
    strategy = XenLegacy(peek_batch_pages=1)
    seen = [one_round(rates, strategy, seed) for seed in range(SEEDS)]
    assert set(seen) <= set(chances)
    observed = [seen.count(key) for key in chances]
    expected = [chance * SEEDS for chance in chances.values()]
    assert chisquare(observed, expected).pvalue > ALARM / 3


def test_samples_per_iteration_have_the_exact_means_of_the_paper() -> None:
    # warm history, bits 1/2: 13/8 pages live and 21/32 in stop-and-copy per page (sticky, N = 5)
    pages, seeds = 4_000, 60
    live, stopped = [], []
    for seed in range(seeds):
        classes = PageClasses(np.array([pages]), np.zeros(1), 0.5)
        strategy = HistoryMajority(first_round="full")
        rng = np.random.default_rng(seed)
        memory = LumpedEngine(classes, strategy, Encoding(1.0), rng)
        memory.warm(5, 0.0)
        sent = 0
        for _ in range(5):
            memory.begin_round()
            while True:
                left = memory.plan(0.0)
                if memory.end_is_known:
                    break
                memory.advance(left, 0.0)
            sent += memory.end_round(0.0).sent
        live.append(sent / pages)
        stopped.append(memory.stale_pages / pages)
    for found, exact in ((live, 13 / 8), (stopped, 21 / 32)):
        error = np.std(found) / math.sqrt(seeds)
        assert abs(np.mean(found) - exact) < 4 * error
