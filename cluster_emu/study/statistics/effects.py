"""How large a paired difference is, and how surprising: effect size and p values."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtr

from cluster_emu.study.statistics.sign_flips import (
    coarse_p_value,
    is_coarse,
    is_simple_fraction,
)

NO_SPREAD = 1e-12
"""Standard deviation over mean below which differences are one number up to rounding."""


def effect_size(differences: NDArray[np.float64]) -> float | None:
    """Return Cohen's d_z of paired differences, corrected for small samples; None without spread.

    d_z = mean / s of the differences. It overestimates, by a factor whose inverse is Hedges'
    correction J = gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2)) with m = n - 1 (Hedges, J. Educ.
    Stat. 6(2), 1981; Lakens, Front. Psychol. 4:863, 2013).

    Args:
        differences: one per pair, shape [n], none of them NaN.
    """
    m = len(differences) - 1
    if m < 2 or not has_spread(differences):  # with two pairs the correction is 0
        return None
    correction = math.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / math.sqrt(m / 2)
    return correction * float(differences.mean()) / float(differences.std(ddof=1))


def has_spread(values: NDArray[np.float64]) -> bool:
    """Return whether values differ by more than the rounding of sums."""
    return bool(values.std() > NO_SPREAD * np.abs(values).max(initial=0.0))


def difference_p_value(differences: NDArray[np.float64], smallest: float) -> float | None:
    """Return the p value of the null hypothesis that the mean difference is within +-smallest.

    It is that of two one-sided Student t tests, 2 P(T >= (|mean| - smallest) / se) with n - 1
    degrees of freedom and at most 1: a minimum-effect test (Murphy and Myors, J. Appl. Psychol.
    84(2), 1999). With a smallest difference of 0 it is the paired t test. It is below 5 % if and
    only if the 95 % interval lies beyond the smallest difference.

    A t test of few distinct values is wrong more often than it says. Of differences that are coarse
    (counts, ticks, many zeros: `sign_flips.is_coarse`) p is the larger one of this and of the test
    by signs and sizes, so that it is valid, and a claim needs the interval as well.

    Where all differences are one number the t test has no error to measure it by. A time that is
    the same to 12 digits with every seed does not depend on the seed, and p is 0. Counts agree by
    chance: of whole numbers and simple fractions, p is that of the test by signs, 2^(1 - n).

    Args:
        differences: one per pair, shape [n], none of them NaN.
        smallest: the smallest difference that matters, >= 0.
    """
    size, n = abs(float(differences.mean())), len(differences)
    if n < 2:
        return None
    if has_spread(differences):
        by_t = min(2 * _tail(differences, size - smallest), 1.0)
        if not is_coarse(differences):
            return by_t
        return max(by_t, coarse_p_value(differences, smallest))
    if size <= smallest:
        return 1.0
    return coarse_p_value(differences, smallest) if is_simple_fraction(size) else 0.0


def equivalence_p_value(differences: NDArray[np.float64], smallest: float) -> float | None:
    """Return the p value of the null hypothesis that the mean difference is not within +-smallest.

    It is the larger one of two one-sided t tests (TOST: Schuirmann, J. Pharmacokinet. Biopharm.
    15(6), 1987). It is below 2.5 % if and only if the 95 % interval lies within +-smallest.
    Arguments are those of `difference_p_value`.
    """
    size = abs(float(differences.mean()))
    if not has_spread(differences):
        return None if len(differences) < 2 else float(size > smallest)
    return _tail(differences, smallest - size)


def _tail(differences: NDArray[np.float64], beyond: float) -> float:
    """Return P(T >= beyond / se), T with n - 1 degrees of freedom."""
    n = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    return float(stdtr(n - 1, -beyond / error))
