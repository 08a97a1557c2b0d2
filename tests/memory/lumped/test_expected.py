"""The mean course of a round: batches of looks, and the two ways of following them."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.memory.lumped.expected import SMOOTH, Looks, Rule, mean_course
from cluster_emu.memory.lumped.path import TimePath
from cluster_emu.memory.lumped.writing import NO_SETS

STEPS = 40_000
EVERY_PAGE = Rule(
    np.concatenate([[0.0], (np.arange(STEPS) + 0.5) / STEPS, [1.0]]),
    np.concatenate([[0.0], np.full(STEPS, 1.0 / STEPS), [0.0]]),
)


@pytest.mark.parametrize("pages", [80_000.0, 400_000.0, 4_000_000.0])
@pytest.mark.parametrize("steepness", [0.1, 0.01])
def test_many_batches_are_as_one_look_half_a_batch_earlier(pages: float, steepness: float) -> None:
    batch, pace = 1024, 1e-5
    rates = np.array([steepness / (batch * pace), 0.05, 0.0])
    sendable = np.zeros((4, 4, 3))
    sendable[1] = pages / 4 * np.array([0.1, 0.3, 0.6])  # sent if seen clean

    def course(batch: int, lag: float, rule: Rule):
        looks = Looks(rates, NO_SETS, 1.0, TimePath().corners, pace, 1.0, batch, lag)
        return mean_course(sendable, np.ones(4), looks, rule)

    exact = course(batch, 0.0, EVERY_PAGE)
    blurred = course(1, (batch - 1) / 2, SMOOTH)
    assert blurred.bounds[-1] == pytest.approx(exact.bounds[-1], rel=3e-4)
    assert blurred.mean_clean == pytest.approx(exact.mean_clean, rel=2e-2, abs=2e-3)
