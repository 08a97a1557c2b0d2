"""What a difference shows: lower, higher, no practical difference, or undecided."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.study.statistics.effects import (
    difference_p_value,
    effect_size,
    equivalence_p_value,
)
from cluster_emu.study.statistics.estimates import Estimate, estimate

ROUNDING = 1e-12
"""Relative size below which a difference of two runs is the rounding of sums, not an effect."""

ALPHA = 0.05
"""The largest probability of any false claim of a difference, among all that are tested."""


class Verdict(StrEnum):
    """What a difference b minus a, with its interval, shows of b."""

    LOWER = "lower"
    HIGHER = "higher"
    NO_PRACTICAL_DIFFERENCE = "no practical difference"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class PairedEffect:
    """One metric of two ways a and b, compared pair by pair.

    Args:
        difference: mean of b minus a, with its interval, in the values' unit.
        relative: the mean difference over the mean of a; None where that is 0.
        smallest: the smallest difference that matters, in the values' unit; None without a pair.
        verdict: what the differences show, taken alone; "lower" and "higher" only where the p
            value, too, is at most `ALPHA`.
        effect_size: Cohen's d_z with Hedges' correction, see `effects.effect_size`.
        p_value: of no difference that matters, see `effects.difference_p_value`; None without two
            pairs.
        p_equivalence: of a difference that matters, see `effects.equivalence_p_value`; likewise.
    """

    difference: Estimate
    relative: float | None
    smallest: float | None
    verdict: Verdict
    effect_size: float | None = None
    p_value: float | None = None
    p_equivalence: float | None = None


def paired_effect(
    a: NDArray[np.float64], b: NDArray[np.float64], smallest: SmallestDifference
) -> PairedEffect:
    """Return what pairs of values show; every study gets its verdicts here.

    Args:
        a: one value per pair, shape [n], NaN where there is none.
        b: likewise; pairs in which either is NaN are left out.
        smallest: the smallest difference that matters.
    """
    difference = differences(a, b)
    found = estimate(difference)
    if found.mean is None:
        return PairedEffect(found, None, None, Verdict.UNDECIDED)
    kept = ~np.isnan(difference)
    base = float(a[kept].mean())
    margin = smallest.between(base, float(b[kept].mean()))
    p_value = difference_p_value(difference[kept], margin)
    return PairedEffect(
        difference=found,
        relative=found.mean / base if base else None,
        smallest=margin,
        verdict=verdict_of_many(verdict(found.low, found.high, margin), p_value),
        effect_size=effect_size(difference[kept]),
        p_value=p_value,
        p_equivalence=equivalence_p_value(difference[kept], margin),
    )


def verdict(low: float | None, high: float | None, smallest: float) -> Verdict:
    """Return what an interval shows, held against the smallest difference that matters.

    The interval lies above it, below it, or within it on both sides of 0: higher, lower, or no
    practical difference. Else, and without an interval, it is undecided. This is the decision by a
    region of practical equivalence (Kruschke, AMPPS 1(2), 2018) with a Student t interval.

    Args:
        low: lower end of the interval of b minus a; None where there is no interval.
        high: upper end.
        smallest: the smallest difference that matters, >= 0, in the same unit.
    """
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return Verdict.UNDECIDED
    if -smallest <= low and high <= smallest:
        return Verdict.NO_PRACTICAL_DIFFERENCE
    if low > smallest:
        return Verdict.HIGHER
    return Verdict.LOWER if high < -smallest else Verdict.UNDECIDED


def verdict_of_many(alone: Verdict, p_holm: float | None) -> Verdict:
    """Return what a difference shows among all that are tested: lower and higher must hold there.

    Args:
        alone: what its interval, or it on its own, shows.
        p_holm: its p value, adjusted for all tests, see `multiple_tests.holm`; of one test alone
            the p value itself.
    """
    claims = alone in (Verdict.LOWER, Verdict.HIGHER)
    return Verdict.UNDECIDED if claims and (p_holm is None or p_holm > ALPHA) else alone


def differences(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return b minus a by pair, shape [n]: NaN where either is, 0 where only rounding differs."""
    difference = b - a
    size = np.maximum(np.abs(a), np.abs(b))
    difference[np.abs(difference) <= ROUNDING * size] = 0.0
    return difference
