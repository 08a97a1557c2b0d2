"""Quantiles of few values: no interval that the values do not support."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cluster_emu.study.report.figures import QuantileFigure
from cluster_emu.study.statistics.quantiles import quantile, values_needed


@pytest.mark.parametrize(("share", "needed"), [(0.5, 6), (0.95, 72)])
def test_an_interval_with_two_ends_needs_so_many_values(share: float, needed: int) -> None:
    # 1 - 0.5^5 * 2 = 0.9375 < 0.95 <= 1 - 0.5^6 * 2; and 0.95^72 <= 0.025 < 0.95^71.
    assert values_needed(share) == needed
    assert None in QuantileFigure.of(quantile(np.arange(needed - 1.0), share)).ci95
    assert None not in QuantileFigure.of(quantile(np.arange(float(needed)), share)).ci95


def test_the_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    found = quantile(np.arange(10.0, 0.0, -1.0), 0.5)

    assert (found.value, found.low, found.high, found.count) == (5.0, 2.0, 9.0, 10)


def test_values_never_reached_count_as_the_largest() -> None:
    found = quantile(np.array([3.0, math.inf, 1.0, 2.0]), 0.95)

    assert found.value == math.inf
    assert quantile(np.array([3.0, math.inf, 1.0, 2.0]), 0.5).value == 2.0


def test_no_values_have_no_quantile() -> None:
    assert QuantileFigure.of(quantile(np.empty(0), 0.5)) == QuantileFigure(None, (None, None), 0)


@pytest.mark.parametrize(("share", "n"), [(0.5, 6), (0.5, 25), (0.95, 80)])
def test_intervals_cover_the_true_quantile_as_often_as_they_say(share: float, n: int) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    ends = [QuantileFigure.of(quantile(rng.random(n), share)).ci95 for _ in range(2000)]
    missed_low = np.mean([low is not None and low > share for low, _ in ends])
    missed_high = np.mean([high is not None and high < share for _, high in ends])

    assert max(missed_low, missed_high) <= 0.025 + 3 * math.sqrt(0.025 / 2000)
