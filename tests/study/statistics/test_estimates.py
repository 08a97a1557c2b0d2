"""Means and intervals against closed forms and scipy's own intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.study.statistics.estimates import Estimate, estimate

NAN = math.nan
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_two_values_have_the_interval_of_the_textbook() -> None:
    found = estimate(array(1.0, 3.0))

    half = math.tan(0.475 * math.pi)  # the t of one degree of freedom, times sd / sqrt(2) = 1
    assert found.mean == 2.0
    assert found.ci95 == pytest.approx([2.0 - half, 2.0 + half], rel=1e-12)


@given(VALUES)
def test_intervals_are_students(values: list[float]) -> None:
    found = estimate(array(*values))

    error = scipy.stats.sem(values)
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), error or 1e-300)
    assert found.ci95 == pytest.approx([low, high], rel=1e-9, abs=1e-9)
    assert found.count == len(values)


def test_what_is_not_a_number_is_left_out_and_not_counted() -> None:
    assert estimate(array(NAN, 1.0, NAN, 3.0)) == estimate(array(1.0, 3.0))


def test_one_value_has_no_interval_and_none_no_mean() -> None:
    assert estimate(array(7.0)) == Estimate(7.0, None, None, 1)
    assert estimate(array(NAN)) == Estimate(None, None, None, 0)
