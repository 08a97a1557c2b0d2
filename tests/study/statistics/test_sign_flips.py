"""The test by signs and sizes of coarse differences, against enumeration and against scipy."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cluster_emu.study.statistics.effects import difference_p_value
from cluster_emu.study.statistics.estimates import estimate
from cluster_emu.study.statistics.sign_flips import (
    MOST_EXACT,
    coarse_p_value,
    is_coarse,
    is_simple_fraction,
    one_sided_p_value,
    sign_flip_p_value,
)

COUNTS = st.lists(st.integers(-9, 12), min_size=2, max_size=9)
MARGINS = st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1), Fraction(3)])


def by_enumeration(differences: list[Fraction], smallest: Fraction) -> Fraction:
    """Return the p value from all 2^n choices of signs, with nothing rounded."""
    towards = -1 if sum(differences) < 0 else 1
    beyond = [towards * each - smallest for each in differences]
    sums = [
        sum(sign * each for sign, each in zip(signs, beyond, strict=True))
        for signs in product((-1, 1), repeat=len(beyond))
    ]
    reached = sum(one >= sum(beyond) for one in sums)
    return min(Fraction(2 * reached, len(sums)), Fraction(1))


@settings(max_examples=30)
@given(COUNTS, MARGINS)
def test_of_counts_it_is_the_share_of_all_choices_of_signs(
    counts: list[int], margin: Fraction
) -> None:
    found = sign_flip_p_value(np.array(counts, dtype=float), float(margin))

    assert found == float(by_enumeration([Fraction(each) for each in counts], margin))


@settings(max_examples=30)
@given(COUNTS)
def test_ticks_and_shares_have_the_p_value_of_their_numbers(counts: list[int]) -> None:
    """Sums of 0.1 or 1 / 7 are rounded, and those that are equal stay so."""
    values = np.array(counts, dtype=float)
    expected = sign_flip_p_value(values, 0.0)

    assert sign_flip_p_value((7.3 + 0.1 * values) - 7.3, 0.0) == expected
    assert sign_flip_p_value(values / 7, 0.0) == expected


@pytest.mark.parametrize("size", [2, 5, 8])
def test_it_is_the_paired_permutation_test_of_scipy(size: int) -> None:
    values = np.random.default_rng(size).integers(-2, 6, size).astype(float)
    by_scipy = scipy.stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )

    assert sign_flip_p_value(values, 0.0) == pytest.approx(by_scipy.pvalue)


@pytest.mark.parametrize("pairs", [2, 3, 6, 11])
def test_nothing_is_more_certain_than_all_signs_alike(pairs: int) -> None:
    values = np.arange(1, pairs + 1, dtype=float)

    assert sign_flip_p_value(-values, 0.0) == 2.0 ** (1 - pairs)
    assert sign_flip_p_value(np.full(pairs, 3.0), 1.0) == 2.0 ** (1 - pairs)
    assert sign_flip_p_value(np.full(pairs, 3.0), 3.0) == 1.0


def test_pairs_without_a_difference_add_nothing() -> None:
    values = np.array([1.0, 1.0, 2.0, 3.0, -1.0, 2.0])

    longer = np.concatenate([values, np.zeros(40)])
    assert sign_flip_p_value(longer, 0.0) == sign_flip_p_value(values, 0.0)


@pytest.mark.parametrize("widths", [(1, 1, 1), (3, 3, 3), (1, 2, 6), (2, 2, 2, 2), (1, 1, 4, 5)])
@pytest.mark.parametrize("margin", [0, 1])
def test_it_errs_no_more_often_than_it_says(widths: tuple[int, ...], margin: int) -> None:
    """All samples of counts that are uniform on -w ... w around the margin, w for each pair.

    Symmetric counts with one hump are mixtures of these. P(p <= x) is at most x for each x.
    """
    samples = product(*(range(margin - width, margin + width + 1) for width in widths))
    found = np.array([coarse_p_value(np.array(one, dtype=float), margin) for one in samples])

    for p in np.unique(found):
        assert (found <= p + 1e-12).mean() <= p + 1e-9


@pytest.mark.parametrize("widths", [(1,), (3,), (5,)])
@pytest.mark.parametrize("pairs", [2, 3, 4])
def test_odd_numbers_err_no_more_often_than_p_says(widths: tuple[int], pairs: int) -> None:
    check_all_samples_of_odd_numbers(widths * pairs)


@pytest.mark.parametrize(
    "widths", [(1,) * 7, (1,) * 10, (3,) * 5, (1, 3, 5), (1, 1, 3, 3), (1, 1, 1, 5), (1, 7, 7)]
)
def test_odd_numbers_of_several_ranges_do_neither(widths: tuple[int, ...]) -> None:
    check_all_samples_of_odd_numbers(widths)


def check_all_samples_of_odd_numbers(widths: tuple[int, ...]) -> None:
    """Check the exact rates of differences that are uniform over -w, 2 - w ... w: never 0.

    The gap from the least size to 0 is half a step there. P(p <= x) is at most x for each x, the
    rates being fractions, and 2^(1 - n) is reached where all differences are 1 or -1.
    """
    samples = list(product(*(range(-width, width + 1, 2) for width in widths)))
    found = Counter(coarse_p_value(np.array(one, dtype=float), 0.0) for one in samples)
    reached = 0
    for p in sorted(found):
        reached += found[p]
        assert Fraction(reached, len(samples)) <= Fraction(p) * (1 + Fraction(1, 10**9))
    if set(widths) == {1}:
        signs = 2.0 ** (1 - len(widths))
        assert min(found) == signs and Fraction(found[signs], len(samples)) == Fraction(signs)


def test_one_size_tells_no_step_and_counts_by_its_signs() -> None:
    same = np.full(5, 1e6)
    nearly = same + np.array([0.0, 0.0, 0.0, 0.0, 1.0])

    assert coarse_p_value(same, 0.0) == coarse_p_value(same, 9e5) == 2.0**-4
    assert coarse_p_value(nearly, 0.0) < 1e-20


def test_sizes_alike_say_more_than_their_signs() -> None:
    """Of sizes that are uniform on (0, w) the ratio c is reached by (1 - c)^(n - 1) of samples."""
    sizes = np.random.default_rng(3).uniform(0.0, 5.0, (100_000, 3))
    ratios = sizes.min(axis=1) / sizes.max(axis=1)
    for alike in (0.2, 0.5, 0.8):
        share = float((ratios >= alike).mean())  # standard error 0.16 percentage points or less
        p = one_sided_p_value(np.array([alike, 0.9, 1.0]), 0.0)
        assert share / 4 == pytest.approx(p, abs=0.0025)


def test_pages_that_differ_by_much_and_alike_are_more_than_signs() -> None:
    pages = np.array([40.0, 35.0, 45.0, 38.0, 41.0, 40.0])

    assert sign_flip_p_value(pages, 0.0) == 2.0**-5
    assert coarse_p_value(pages, 0.0) == pytest.approx(((1 - 34.5 / 45.5) / 2) ** 5)
    assert coarse_p_value(-pages, 2.0) == pytest.approx(((1 - 32.5 / 43.5) / 2) ** 5)
    assert coarse_p_value(np.append(pages, 0.0), 0.0) == 2.0**-5  # not all of one sign


@pytest.mark.parametrize("positive", range(20, MOST_EXACT + 2))
def test_many_pairs_have_an_upper_bound(positive: int) -> None:
    """Of equal sizes the number of positive signs is binomial; the bound is at most 6 times it."""
    n = MOST_EXACT + 1
    values = np.where(np.arange(n) < positive, 1.0, -1.0)
    exact = 2 * float(scipy.stats.binom.sf(positive - 1, n, 0.5))

    found = sign_flip_p_value(values, 0.0)
    assert exact <= found
    if positive < n - 4:  # a normal tail is longer than that of a sum that has a largest value
        assert found <= 6 * exact


@settings(max_examples=30)
@given(COUNTS, st.integers(0, 3).map(float))
def test_p_of_counts_is_never_less_than_either_test(counts: list[int], margin: float) -> None:
    values = np.array(counts, dtype=float)
    assume(values.std() > 0)
    interval = estimate(values)
    assert interval.low is not None and interval.high is not None

    found = difference_p_value(values, margin)
    assert found is not None
    assert found >= coarse_p_value(values, margin)
    if found < 0.05:
        assert interval.low > margin or interval.high < -margin


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 4.0, 6.0, 9.0], True),  # whole numbers that all differ
        ([4096.0, 3 * 4096.0, -8 * 4096.0], True),
        ([0.1, 0.2, 0.30000000000000004, 0.3], True),  # ticks
        ([0.25, -0.25, 0.1], True),
        ([0.0, 0.0, 1.234, 5.678], True),  # in most pairs nothing differs
        ([0.0123, 0.0456, -0.0789], False),
        ([0.0123, 0.0123001, -0.0789], False),
        ([1_000_003.0, 2_500_001.0, -700_000.0], False),  # bytes: their step is too small
        ([2.0**60, 2.0**61], False),
    ],
)
def test_what_is_coarse(values: list[float], expected: bool) -> None:
    assert is_coarse(np.array(values)) == expected


def test_measured_sizes_are_not_coarse() -> None:
    draws: NDArray[np.float64] = np.random.default_rng(1).normal(0.3, 0.01, (200, 10))

    assert not any(map(is_coarse, draws))


@pytest.mark.parametrize("value", [3.0, -2.0, 0.1 * 3, 7.4 - 7.3, 5 / 7, 0.0, 1.5, 1e9])
def test_simple_fractions(value: float) -> None:
    assert is_simple_fraction(value)


@pytest.mark.parametrize("value", [0.3127464, 2.0**-30, 1e-5, 3.00001, 17.3e-6])
def test_other_numbers(value: float) -> None:
    assert not is_simple_fraction(value)
