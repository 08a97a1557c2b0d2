"""Verdicts: an interval held against the smallest difference that matters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.study.statistics.verdicts import (
    PairedEffect,
    Verdict,
    differences,
    paired_effect,
    verdict,
)

NAN = math.nan
LOWER, HIGHER = Verdict.LOWER, Verdict.HIGHER
NO_PRACTICAL_DIFFERENCE, UNDECIDED = Verdict.NO_PRACTICAL_DIFFERENCE, Verdict.UNDECIDED
VALUES = st.lists(st.floats(0.1, 1e6), min_size=2, max_size=20)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_the_words_are_these_four() -> None:
    words = {"lower", "higher", "no practical difference", "undecided"}
    assert {str(each) for each in Verdict} == words


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.02, 0.03, HIGHER),
        (-0.03, -0.02, LOWER),
        (-0.01, 0.01, NO_PRACTICAL_DIFFERENCE),
        (0.002, 0.003, NO_PRACTICAL_DIFFERENCE),  # shown to be above 0, and too small to matter
        (0.005, 0.02, UNDECIDED),
        (-0.02, 0.001, UNDECIDED),
        (-0.5, 0.5, UNDECIDED),
        (None, None, UNDECIDED),
        (NAN, NAN, UNDECIDED),
    ],
)
def test_an_interval_is_held_against_one_percent(
    low: float | None, high: float | None, expected: Verdict
) -> None:
    assert verdict(low, high, 0.01) == expected


def effect(a: np.ndarray, b: np.ndarray, share: float = 0.01) -> PairedEffect:
    return paired_effect(a, b, SmallestDifference(share=share))


def test_a_difference_of_seventeen_microseconds_is_none_in_practice() -> None:
    a = array(27.6e-3, 27.8e-3, 27.9e-3, 27.7e-3)
    found = effect(a, a + array(16e-6, 17e-6, 18e-6, 17e-6))
    assert found.difference.low is not None and found.difference.low > 0
    assert found.relative == pytest.approx(17e-6 / 27.75e-3)
    assert found.smallest == pytest.approx(0.01 * 27.767e-3)
    assert found.verdict == NO_PRACTICAL_DIFFERENCE
    assert effect(a, a + 17e-6, share=0.0).verdict == HIGHER


def test_an_absolute_size_counts_where_it_is_larger() -> None:
    a, b = array(1.0, 1.1, 0.9), array(1.51, 1.6, 1.4)
    assert paired_effect(a, b, SmallestDifference(share=0.01)).verdict == HIGHER
    assert paired_effect(a, b, SmallestDifference(0.01, 0.6)).verdict == NO_PRACTICAL_DIFFERENCE


def test_what_only_one_of_them_has_is_held_against_the_other_mean() -> None:
    found = effect(array(0.0, 0.0, 0.0), array(3.0, 3.1, 2.9))
    assert (found.relative, found.verdict) == (None, HIGHER)
    assert found.smallest == pytest.approx(0.03)


def test_equal_pairs_show_no_practical_difference_and_one_pair_shows_nothing() -> None:
    assert effect(array(2.0, 3.0, NAN), array(2.0, 3.0, 1.0)).verdict == NO_PRACTICAL_DIFFERENCE
    assert effect(array(2.0, NAN), array(9.0, 1.0)).verdict == UNDECIDED
    assert effect(array(NAN, NAN), array(9.0, 1.0)).smallest is None


@given(VALUES, st.floats(0.5, 2.0))
def test_turning_a_pair_round_turns_its_verdict_round(values: list[float], factor: float) -> None:
    a = array(*values)
    b = a * factor + np.arange(len(a))
    turned = {LOWER: HIGHER, HIGHER: LOWER}
    found = effect(a, b).verdict

    assert effect(b, a).verdict == turned.get(found, found)


def test_verdicts_err_as_often_as_their_intervals() -> None:
    """A true difference at the limit is called higher in 2.5 % of studies: 1000 seeded ones."""
    rng = np.random.default_rng(5)
    a = rng.normal(100.0, 1.0, (1000, 8))
    b = a + 1.005 + rng.normal(0.0, 1.0, (1000, 8))  # 1 % of the larger mean
    found = [effect(one, other).verdict for one, other in zip(a, b, strict=True)]
    # binomial, n = 1000, p = 0.025: 11 to 43 with a probability of 99.9 %
    assert 11 <= found.count(HIGHER) <= 43
    assert found.count(LOWER) == 0


def test_differences_are_b_minus_a_and_nan_where_either_is() -> None:
    found = differences(array(1.0, NAN, 3.0), array(1.5, 2.0, NAN))

    assert found == pytest.approx(array(0.5, NAN, NAN), nan_ok=True)


def test_the_rounding_of_a_sum_is_no_difference() -> None:
    a, b = array(0.1 + 0.2, 1e9), array(0.3, 1e9 + 1e-4)

    assert differences(a, b).tolist() == [0.0, 0.0]
    assert differences(array(1.0), array(1.0 + 1e-9))[0] > 0
