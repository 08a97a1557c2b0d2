"""The figures of reports: means and quantiles with their intervals, counts of outcomes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cluster_emu.study.statistics.estimates import Estimate
from cluster_emu.study.statistics.quantiles import Quantile, quantile

Interval = tuple[float | None, float | None]
"""Both ends of a 95 % interval; None for an end that there is not."""


@dataclass(frozen=True, slots=True)
class MeanFigure:
    """A mean over runs.

    Args:
        mean: the mean; None where no run has a value.
        ci95: its 95 % Student t interval.
        runs: number of runs with a value.
    """

    mean: float | None
    ci95: Interval
    runs: int

    @classmethod
    def of(cls, found: Estimate, *, signed: bool = False) -> Self:
        """Return an estimate as a figure; the interval of what is never negative starts at 0."""
        low = found.low if found.low is None or signed else max(found.low, 0.0)
        return cls(found.mean, (low, found.high), found.count)


@dataclass(frozen=True, slots=True)
class QuantileFigure:
    """A quantile over runs.

    Args:
        value: the quantile; None where there is no run, and where it is infinite.
        ci95: its 95 % order-statistic interval.
        runs: number of runs.
    """

    value: float | None
    ci95: Interval
    runs: int

    @classmethod
    def of(cls, found: Quantile) -> Self:
        """Return an estimated quantile as a figure."""
        ends = finite_or_none(found.low), finite_or_none(found.high)
        return cls(finite_or_none(found.value), ends, found.count)


SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95}
"""The quantiles of a metric over replications, by name."""


def quantile_figures(values: NDArray[np.float64]) -> dict[str, QuantileFigure]:
    """Return the quantiles of independent values, shape [n], those that are NaN left out."""
    kept = values[~np.isnan(values)]
    return {name: QuantileFigure.of(quantile(kept, share)) for name, share in SHARES.items()}


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many migrations ended in one way, for one reason."""

    outcome: str
    why: str
    migrations: int


def finite_or_none(value: float | None) -> float | None:
    """Return a figure, None for one that is infinite or NaN."""
    return None if value is None or not math.isfinite(value) else value


def most_frequent_first(counts: Mapping[tuple[str, str], int]) -> tuple[OutcomeCount, ...]:
    """Return counts by (outcome, why), the most frequent first, then in alphabetical order."""
    order = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return tuple(OutcomeCount(outcome, why, counts[outcome, why]) for outcome, why in order)
