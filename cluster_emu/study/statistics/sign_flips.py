"""The test by signs and sizes of paired differences that take few values, such as counts.

Where a pair's two values could as well have been the other way round, each difference is as likely
to have its sign as the other one, whatever its distribution. The p value is the share of all 2^n
choices of signs whose sum is at least as far out as the one seen (Fisher, The Design of
Experiments, 1935, section 21; Pitman, J. R. Stat. Soc. Suppl. 4(1), 1937). It holds for the sizes
that were seen, so also among tests that were chosen by these. `scipy.stats.permutation_test` with
`permutation_type="samples"` is the same test.

Of n pairs no p value is below 2^(1 - n), which few pairs and many tests make useless: 40 pages more
in each of six pairs, give or take five, would be undecided. So where all differences have one sign
their sizes count, too, see `one_sided_p_value`.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

MOST_EXACT = 28
"""Differences other than 0 up to which all choices of signs are counted: 2 ms each."""

FINEST_STEP = 0.001
"""Step of whole numbers over their standard deviation from which on they are coarse."""

LARGEST_DENOMINATOR = 1000
"""Of fractions that a number of ticks, or a share of few things, may be."""

ROUNDING = 1e-9
"""Relative size below which sums of differences are told apart by rounding alone."""

GAUSSIAN_FACTOR = 1 / (4 * float(ndtr(-math.sqrt(2))))
"""By how much a weighted sum of signs may exceed a normal tail: 3.18, see `_at_least`."""


def is_coarse(differences: NDArray[np.float64]) -> bool:
    """Return whether differences take so few values that a t test of them is not to be trusted.

    They are if two of them have the same size (0, too), or if all are whole numbers whose common
    step is more than a thousandth of their standard deviation. Measured sizes such as times are all
    different; so are bytes, whose step is small beside their spread.

    Args:
        differences: one per pair, shape [n], n >= 1, none of them NaN.
    """
    sizes = np.sort(np.abs(differences))
    if bool((np.diff(sizes) <= ROUNDING * sizes[-1]).any()):
        return True
    if not bool(np.all(sizes == np.round(sizes))) or sizes[-1] >= 2**53:
        return False
    step = int(np.gcd.reduce(sizes.astype(np.int64)))
    return bool(step > FINEST_STEP * differences.std())


def is_simple_fraction(value: float) -> bool:
    """Return whether a number is whole, or a fraction as ticks of 0.1 s and shares of few are."""
    near = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    return abs(value - float(near)) <= 0.1 * ROUNDING * abs(value)


def coarse_p_value(differences: NDArray[np.float64], smallest: float) -> float:
    """Return the p value of the null hypothesis that the mean difference is within +-smallest.

    It is that of `sign_flip_p_value`, and, where the least of that is reached, of
    `one_sided_p_value`: two parts of one order of all samples by how far out they are.

    Args:
        differences: one per pair, shape [n], none of them NaN.
        smallest: the smallest difference that matters, >= 0.
    """
    towards = -1.0 if differences.sum() < 0 else 1.0
    beyond = towards * differences - smallest
    if bool((beyond > 0).all()):
        return one_sided_p_value(beyond, _step(np.abs(differences)))
    return sign_flip_p_value(differences, smallest)


def sign_flip_p_value(differences: NDArray[np.float64], smallest: float) -> float:
    """Return the share of all choices of signs that are as far out; arguments as above.

    It is twice that of the one-sided test that the differences, less the smallest difference in
    the direction of their mean, are symmetric about 0; at most 1. Where they are symmetric about
    a value nearer to 0 it errs less often: adding the same to all raises the sum that was seen at
    least as much as that of any other choice of signs. With a smallest difference of 0 it is the
    two-sided test.
    """
    towards = -1.0 if differences.sum() < 0 else 1.0
    beyond = towards * differences - smallest
    return min(2 * _at_least(np.abs(beyond[beyond != 0]), float(beyond.sum())), 1.0)


def one_sided_p_value(sizes: NDArray[np.float64], step: float) -> float:
    """Return the probability that all of n differences have one sign and are so nearly alike.

    Of a distribution that is symmetric about 0 and has one hump there, it is at most

        ((1 - c) / 2)^(n - 1),    c = (smallest size - step / 2) / (largest size + step / 2).

    Proof: such a distribution, its values spread evenly over their steps, is a mixture of uniform
    ones on (-w, w) (Khinchin 1938). Their signs do not depend on their sizes: 2^(1 - n). Of sizes
    that are uniform on (0, w_i), minus the logarithms are exponential with shifts log w_i, and
    nearly alike means that these are within a range. That set is convex and the density is
    log-concave, so the probability is a log-concave function of the shifts (Prekopa, Acta Sci.
    Math. 34, 1973), and symmetric in them: it is largest where they are equal, (1 - c)^(n - 1).

    Args:
        sizes: all > 0, shape [n].
        step: of the values that differences can take; too large a one makes p larger. Sizes that
            are all one do not tell it, so `_step` takes the largest that it can be: they are less
            certain than sizes that are nearly alike.
    """
    alike = max(float(sizes.min() - step / 2) / float(sizes.max() + step / 2), 0.0)
    return math.pow((1 - alike) / 2, len(sizes) - 1)


def _step(sizes: NDArray[np.float64]) -> float:
    """Return the smallest gap between the sizes and of the least one from its opposite.

    Values of one step h that are symmetric about 0 are its multiples (0, h, 2 h ...) or lie halfway
    between these (h / 2, 3 h / 2 ...: 1 and -1, 3 and -3). In both cases gaps of sizes are
    multiples of h, and so is twice a size: the result is not below h. Of sizes that are all one it
    is twice that size, and nothing but their signs counts.

    It is of the differences themselves, also where those beyond a margin are tested: gaps are the
    same there, and a result of twice the least difference is at least twice what is beyond, which
    leaves c at 0.
    """
    gaps = np.append(np.diff(np.sort(sizes)), 2 * sizes.min())
    return float(gaps[gaps > ROUNDING * sizes.max()].min())


def _at_least(sizes: NDArray[np.float64], total: float) -> float:
    """Return the probability that the sum of sizes with random signs is at least a total.

    Of up to `MOST_EXACT` sizes it is exact. Of more it is the upper bound 3.18 P(Z >= total / s),
    with Z standard normal and s^2 the sum of the squares (Bentkus and Dzindzalieta, Bernoulli
    21(2), 2015).

    Args:
        sizes: all > 0, shape [n].
        total: their sum with the signs that were seen.
    """
    least = total - ROUNDING * float(sizes.sum())
    if least <= 0:
        return 1.0  # at least one half, and doubled in any case
    if len(sizes) > MOST_EXACT:
        return GAUSSIAN_FACTOR * float(ndtr(-least / math.sqrt(float((sizes**2).sum()))))
    first, second = (_signed_sums(half) for half in np.array_split(sizes, 2))
    second.sort()
    reached = len(second) - np.searchsorted(second, least - first)
    return math.ldexp(float(reached.sum()), -len(sizes))


def _signed_sums(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums of all choices of signs, shape [2^n]."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums
