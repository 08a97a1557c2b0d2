"""Means with 95 % intervals, and verdicts on paired differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.95
ROUNDING = 1e-12
"""Relative size below which a difference of two runs is the rounding of sums, not an effect."""


class Verdict(StrEnum):
    """What the paired differences b minus a show."""

    LOWER = "b is lower than a"
    HIGHER = "b is higher than a"
    EQUAL = "equal"
    OPEN = "no difference shown"
    SINGLE = "one pair, no interval"
    NONE = "no pair to compare"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % Student t interval; None where there are too few values.

    Args:
        mean: mean of the values.
        low: lower end of the interval.
        high: upper end.
        count: number of values.
    """

    mean: float | None
    low: float | None
    high: float | None
    count: int

    @property
    def ci95(self) -> list[float | None]:
        """The two ends of the interval."""
        return [self.low, self.high]


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Return mean and interval of independent values, shape [n], those that are NaN left out."""
    kept = values[~np.isnan(values)]
    if not len(kept):
        return Estimate(None, None, None, 0)
    mean = float(kept.mean())
    if len(kept) == 1:
        return Estimate(mean, None, None, 1)
    quantile = float(stdtrit(len(kept) - 1, (1 + CONFIDENCE) / 2))
    half = quantile * float(kept.std(ddof=1)) / math.sqrt(len(kept))
    return Estimate(mean, mean - half, mean + half, len(kept))


def differences(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return b minus a by pair, shape [n]: NaN where either is, 0 where only rounding differs."""
    difference = b - a
    size = np.maximum(np.abs(a), np.abs(b))
    difference[np.abs(difference) <= ROUNDING * size] = 0.0
    return difference


def verdict(difference: NDArray[np.float64]) -> Verdict:
    """Return what paired differences (shape [n], NaN for pairs left out) show at 95 %."""
    found = estimate(difference)
    if found.count == 0:
        return Verdict.NONE
    if not np.any(difference[~np.isnan(difference)]):
        return Verdict.EQUAL
    if found.low is None or found.high is None:
        return Verdict.SINGLE
    if found.high < 0:
        return Verdict.LOWER
    return Verdict.HIGHER if found.low > 0 else Verdict.OPEN
