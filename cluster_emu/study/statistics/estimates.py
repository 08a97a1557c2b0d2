"""Means with 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

CONFIDENCE = 0.95


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
