"""Quantiles of few independent values, with intervals that hold for any distribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from cluster_emu.study.statistics.estimates import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of a distribution, from independent values drawn from it.

    Args:
        share: which quantile, 0.5 for the median.
        value: the smallest value that at least this share of the values do not exceed, which may be
            inf; None where there is no value.
        low: lower end of the interval; None where there are too few values for one.
        high: upper end, likewise.
        count: number of values.
    """

    share: float
    value: float | None
    low: float | None
    high: float | None
    count: int


def quantile(values: NDArray[np.float64], share: float) -> Quantile:
    """Return the quantile of independent values (shape [n], inf allowed) and its interval.

    The interval's ends are order statistics (David and Nagaraja, Order Statistics, section 7.1):
    the number of values below the true quantile is binomial for every distribution. Each end errs
    with probability 2.5 % at most; where no order statistic satisfies that, the end is None.
    """
    ordered = np.sort(values)
    n = len(ordered)
    if n == 0:
        return Quantile(share, None, None, None, 0)
    low, high = _ranks(n, share)
    return Quantile(
        share=share,
        value=float(ordered[max(int(np.ceil(share * n - 1e-9)), 1) - 1]),
        low=float(ordered[low - 1]) if low >= 1 else None,
        high=float(ordered[high - 1]) if high <= n else None,
        count=n,
    )


def values_needed(share: float) -> int:
    """Return how many values an interval with two ends needs."""
    n = 1
    while _ranks(n, share)[0] < 1 or _ranks(n, share)[1] > n:
        n += 1
    return n


@cache
def _ranks(n: int, share: float) -> tuple[int, int]:
    """Return the ranks from 1 of the interval's ends; 0 or n + 1 stand for none."""
    tail = (1 - CONFIDENCE) / 2
    fewer = bdtr(np.arange(n, dtype=np.float64), n, share)  # P(fewer than rank 1 ... n are below)
    high = np.flatnonzero(fewer >= 1 - tail)
    return int((fewer <= tail).sum()), int(high[0]) + 1 if len(high) else n + 1
