"""Holm's adjusted p values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from cluster_emu.study.statistics.multiple_tests import holm


def test_the_textbook_example() -> None:
    # Holm 1979 steps: 4 x 0.005, 3 x 0.01, then 2 x 0.03, and 0.04 not less than the one before
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))

    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_what_was_not_tested_does_not_count() -> None:
    adjusted = holm(np.array([np.nan, 0.02, 0.9, np.nan]))

    assert np.isnan(adjusted[[0, 3]]).all()
    assert adjusted[[1, 2]] == pytest.approx([0.04, 0.9])
    assert holm(np.array([np.nan])).shape == (1,)


def test_none_is_more_than_1_and_none_less_than_before() -> None:
    p_values = np.random.default_rng(1).random(50)

    adjusted = holm(p_values)
    assert (adjusted >= p_values).all()
    assert adjusted.max() <= 1
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()


def test_rejections_are_those_of_the_step_down_procedure() -> None:
    z_values = np.random.default_rng(2).normal([0.0] * 30 + [4.0] * 10)
    p_values = 2 * norm.sf(np.abs(z_values))

    rejected = set()
    for step, number in enumerate(np.argsort(p_values)):
        if p_values[number] > 0.05 / (40 - step):
            break
        rejected.add(int(number))
    assert set(np.flatnonzero(holm(p_values) <= 0.05).tolist()) == rejected
    assert rejected
