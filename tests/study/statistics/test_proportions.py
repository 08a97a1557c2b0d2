"""Wilson's interval of a probability."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from cluster_emu.study.statistics.proportions import Proportion, proportion


def test_the_ends_are_where_the_score_test_turns() -> None:
    found = proportion(7, 20)

    assert found.share == 0.35
    for end in (found.low, found.high):
        assert end is not None
        score = (0.35 - end) / np.sqrt(end * (1 - end) / 20)
        assert abs(score) == pytest.approx(norm.ppf(0.975))
    assert found.low < 0.35 < found.high


def test_none_and_all_reach_to_the_end() -> None:
    assert proportion(0, 20).low == 0.0
    assert proportion(20, 20).high == 1.0
    assert proportion(0, 20).high == pytest.approx(1 - proportion(20, 20).low)
    assert proportion(0, 0) == Proportion(None, None, None, 0)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2 trials"):
        proportion(3, 2)


def test_in_the_mean_over_probabilities_it_covers_95_percent() -> None:
    # exact: no draws
    ends = np.array([(found.low, found.high) for x in range(21) for found in [proportion(x, 20)]])
    probabilities = np.linspace(0.0025, 0.9975, 200)
    covered = [
        binom.pmf(np.arange(21), 20, p)[(ends[:, 0] <= p) & (p <= ends[:, 1])].sum()
        for p in probabilities
    ]

    assert 0.94 <= np.mean(covered) <= 0.96
