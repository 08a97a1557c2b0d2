"""p values and effect sizes against scipy's own tests and the intervals that they belong to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.study.statistics.effects import (
    difference_p_value,
    effect_size,
    equivalence_p_value,
    has_spread,
)
from cluster_emu.study.statistics.estimates import estimate
from cluster_emu.study.statistics.sign_flips import is_coarse
from cluster_emu.study.statistics.verdicts import Verdict, paired_effect, verdict_of_many

DIFFERENCES = st.lists(st.integers(-50, 80).map(float), min_size=2, max_size=15)


def test_without_a_margin_it_is_the_paired_t_test() -> None:
    values = np.array([0.4, -0.1, 0.8, 1.2, 0.3])

    assert difference_p_value(values, 0.0) == pytest.approx(scipy.stats.ttest_1samp(values, 0)[1])


def test_with_a_margin_it_is_twice_the_one_sided_test_beyond_it() -> None:
    values = np.array([-3.4, -3.1, -2.8, -4.2, -3.3])

    one_sided = scipy.stats.ttest_1samp(values, -2.0, alternative="less")
    assert difference_p_value(values, 2.0) == pytest.approx(2 * one_sided.pvalue)


def test_equivalence_is_the_larger_of_two_one_sided_tests() -> None:
    values = np.array([0.1, -0.3, 0.5, 0.2, 0.4, -0.1])

    above = scipy.stats.ttest_1samp(values, -0.5, alternative="greater").pvalue
    below = scipy.stats.ttest_1samp(values, 0.5, alternative="less").pvalue
    assert equivalence_p_value(values, 0.5) == pytest.approx(max(above, below))


@settings(max_examples=30)
@given(DIFFERENCES, st.integers(1, 20).map(float))
def test_p_values_say_what_the_interval_says(values: list[float], margin: float) -> None:
    found = np.array(values) + 0.01 * math.sqrt(2) * np.arange(len(values))
    assume(has_spread(found))
    assert not is_coarse(found)  # of counts p may be larger
    interval = estimate(found)
    assert interval.low is not None and interval.high is not None

    beyond = interval.low > margin or interval.high < -margin
    within = -margin < interval.low and interval.high < margin
    assert (difference_p_value(found, margin) < 0.05) == beyond
    assert (equivalence_p_value(found, margin) < 0.025) == within


def test_the_effect_size_is_cohens_times_hedges_correction() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])  # m = 3: J = gamma(1.5) / (sqrt(1.5) gamma(1))

    correction = math.gamma(1.5) / math.sqrt(1.5)
    assert effect_size(values) == pytest.approx(correction * 2.5 / np.std(values, ddof=1))


def test_differences_that_are_one_number_have_no_effect_size_and_are_certain() -> None:
    same = np.full(5, 0.3127464) + np.array([0.0, 1e-17, 0.0, -1e-17, 0.0])

    assert effect_size(same) is None
    assert difference_p_value(same, 0.1) == 0.0
    assert difference_p_value(same, 0.3127464 + 1e-9) == 1.0
    assert equivalence_p_value(same, 0.4) == 0.0
    assert (equivalence_p_value(np.zeros(3), 0.0), difference_p_value(np.zeros(3), 0.0)) == (0, 1)


@pytest.mark.parametrize("pairs", [2, 3, 5, 6])
def test_counts_that_agree_may_agree_by_chance(pairs: int) -> None:
    expected = 2.0 ** (1 - pairs)  # the step may be 6, and the values 3 and -3

    assert difference_p_value(np.full(pairs, -3.0), 0.0) == expected
    assert difference_p_value(np.full(pairs, 7.5) - 7.2, 0.0) == expected  # three ticks
    assert difference_p_value(np.full(pairs, -3.0), 3.0) == 1.0


def test_the_verdict_of_a_pair_of_values_is_not_against_its_p_value() -> None:
    pages = np.array([5.0, 8.0, 6.0, 9.0, 7.0, 4.0, 3.0])
    found = paired_effect(pages[:5], pages[:5] + 1, SmallestDifference(share=0.01))
    longer = paired_effect(pages, pages + 1, SmallestDifference(share=0.01))
    time = paired_effect(pages, pages + 1.0271828, SmallestDifference(share=0.01))

    assert (found.verdict, found.p_value) == (Verdict.UNDECIDED, 2.0**-4)
    assert (longer.verdict, longer.p_value) == (Verdict.HIGHER, 2.0**-6)
    assert (time.verdict, time.p_value) == (Verdict.HIGHER, 0.0)


def test_one_pair_is_no_test() -> None:
    found = paired_effect(np.array([1.0]), np.array([2.0]), SmallestDifference(0.01))

    assert (found.p_value, found.p_equivalence, found.effect_size) == (None, None, None)


def test_lower_and_higher_must_hold_among_all_tests() -> None:
    assert verdict_of_many(Verdict.LOWER, 0.051) == Verdict.UNDECIDED
    assert verdict_of_many(Verdict.LOWER, 0.05) == Verdict.LOWER
    assert verdict_of_many(Verdict.HIGHER, None) == Verdict.UNDECIDED
    same = Verdict.NO_PRACTICAL_DIFFERENCE
    assert verdict_of_many(same, 1.0) == same
