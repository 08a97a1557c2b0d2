"""Means, intervals and verdicts against closed forms and scipy's own intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.study.statistics.estimates import Estimate, Verdict, differences, estimate, verdict

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


def test_differences_are_b_minus_a_and_nan_where_either_is() -> None:
    found = differences(array(1.0, NAN, 3.0), array(1.5, 2.0, NAN))

    assert found == pytest.approx(array(0.5, NAN, NAN), nan_ok=True)


def test_the_rounding_of_a_sum_is_no_difference() -> None:
    a, b = array(0.1 + 0.2, 1e9), array(0.3, 1e9 + 1e-4)

    assert differences(a, b).tolist() == [0.0, 0.0]
    assert differences(array(1.0), array(1.0 + 1e-9))[0] > 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((-1.0, -1.1, -0.9), Verdict.LOWER),
        ((1.0, 1.1, 0.9), Verdict.HIGHER),
        ((-1.0, 1.0, 0.5), Verdict.OPEN),
        ((-1.0, -1.0), Verdict.LOWER),
        ((0.0, 0.0, NAN), Verdict.EQUAL),
        ((0.0,), Verdict.EQUAL),
        ((2.0, NAN), Verdict.SINGLE),
        ((NAN, NAN), Verdict.NONE),
    ],
)
def test_verdicts(values: tuple[float, ...], expected: Verdict) -> None:
    assert verdict(array(*values)) == expected


@given(VALUES)
def test_turning_a_pair_round_turns_its_verdict_round(values: list[float]) -> None:
    turned = {Verdict.LOWER: Verdict.HIGHER, Verdict.HIGHER: Verdict.LOWER}
    found = verdict(array(*values))

    assert verdict(-array(*values)) == turned.get(found, found)


def test_a_reader_sees_which_is_lower() -> None:
    assert str(Verdict.LOWER) == "b is lower than a"
