"""The report of a paired comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.study.report.figures import Interval, MeanFigure, OutcomeCount
from cluster_emu.study.statistics.verdicts import paired_effect


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One metric of two strategies, compared replication by replication.

    Args:
        metric: name of the metric.
        a: the strategy that is subtracted.
        b: the strategy that it is subtracted from.
        mean_difference: mean of b minus a; None without a pair.
        ci95: its 95 % Student t interval.
        relative_difference: the mean difference over the mean of a; None where that is 0.
        pairs: number of pairs in which both runs have the figure.
        pairs_left_out: number of the other pairs.
        smallest_difference: from which size on a difference matters, in the metric's unit; None
            without a pair.
        verdict: whether b is "lower" or "higher" than a, or there is "no practical difference", or
            that is "undecided".
    """

    metric: str
    a: str
    b: str
    mean_difference: float | None
    ci95: Interval
    relative_difference: float | None
    pairs: int
    pairs_left_out: int
    smallest_difference: float | None
    verdict: str

    @classmethod
    def of(
        cls,
        metric: str,
        a: tuple[str, NDArray[np.float64]],
        b: tuple[str, NDArray[np.float64]],
        smallest: SmallestDifference,
    ) -> Self:
        """Return what two strategies' values show.

        Args:
            metric: name of the metric.
            a: name and values of the strategy that is subtracted; a value per pair, NaN for none.
            b: likewise of the other one.
            smallest: the smallest difference that matters.
        """
        found = paired_effect(a[1], b[1], smallest)
        difference = found.difference
        return cls(
            metric=metric,
            a=a[0],
            b=b[0],
            mean_difference=difference.mean,
            ci95=(difference.low, difference.high),
            relative_difference=found.relative,
            pairs=difference.count,
            pairs_left_out=len(a[1]) - difference.count,
            smallest_difference=found.smallest,
            verdict=str(found.verdict),
        )


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run of a comparison that failed, and why."""

    strategy: str
    replication: int
    seed: int
    error: str


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """Everything that a comparison found, but for the single runs.

    Args:
        scenario: name of the scenario.
        traces: which CPU traces were used, in words.
        strategies: the strategies, as given.
        replications: number of seeds.
        replications_wanted: number of seeds that were asked for.
        seed: the base seed.
        seeds: the seed of each replication.
        metrics: means by name of the metric, then by strategy.
        paired: one entry per metric and pair of strategies.
        outcomes: how the migrations of all replications ended, by strategy.
        notes: what the policies did in the first replication, and in each without migrations.
        failures: the runs that failed.
        same_rules: pairs of strategies that are one rule under two names.
        reasons: what counts explain of the differences, one sentence each.
        answer: what was found, in one sentence.
        assumptions: what was assumed, one sentence each.
        versions: versions of what results depend on.
    """

    scenario: str
    traces: str
    strategies: tuple[str, ...]
    replications: int
    replications_wanted: int
    seed: int
    seeds: tuple[int, ...]
    metrics: dict[str, dict[str, MeanFigure]]
    paired: tuple[PairedDifference, ...]
    outcomes: dict[str, tuple[OutcomeCount, ...]]
    notes: dict[str, tuple[str, ...]]
    failures: tuple[FailedRun, ...]
    same_rules: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    answer: str
    assumptions: tuple[str, ...]
    versions: dict[str, str]
