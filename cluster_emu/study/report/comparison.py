"""The report of a paired comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.study.report.figures import (
    Interval,
    MeanFigure,
    OutcomeCount,
    QuantileFigure,
    finite_or_none,
)
from cluster_emu.study.statistics.bootstrap import bca_intervals
from cluster_emu.study.statistics.multiple_tests import holm
from cluster_emu.study.statistics.stopping import Achieved
from cluster_emu.study.statistics.verdicts import (
    PairedEffect,
    differences,
    paired_effect,
    verdict_of_many,
)


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
        verdict: whether b is "lower" or "higher" than a, which must hold among all tests, or there
            is "no practical difference", or that is "undecided".
        effect_size: Cohen's d_z with Hedges' correction; None for fewer than three pairs, and where
            all differences are one.
        p_value: of the hypothesis that no difference matters; None for fewer than two pairs.
        p_holm: the p value adjusted for all tests of the comparison or study.
        p_equivalence: of the hypothesis that there is a difference that matters (TOST).
        bca95: 95 % BCa bootstrap interval of the mean difference; without ends for few pairs.
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
    effect_size: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    p_equivalence: float | None = None
    bca95: Interval = (None, None)


@dataclass(frozen=True, slots=True)
class PairedValues:
    """One metric of two strategies, before it is tested.

    Args:
        metric: name of the metric.
        a: the strategy that is subtracted.
        b: the strategy that it is subtracted from.
        of_a: values of a, one per pair, NaN for none, shape [n].
        of_b: likewise of b.
        smallest: the smallest difference that matters.
    """

    metric: str
    a: str
    b: str
    of_a: NDArray[np.float64]
    of_b: NDArray[np.float64]
    smallest: SmallestDifference


def paired_differences(pairs: Sequence[PairedValues]) -> tuple[PairedDifference, ...]:
    """Return what pairs of values show, in their order; together they are one family of tests.

    Values that are equal in every pair are no test: no metric that cannot differ between two
    strategies, such as post-copy pages of two that send none, makes it harder for the others.

    Args:
        pairs: all that is tested in a comparison or study.
    """
    effects = [paired_effect(one.of_a, one.of_b, one.smallest) for one in pairs]
    kept = [differences(one.of_a, one.of_b) for one in pairs]
    kept = [each[~np.isnan(each)] for each in kept]
    p_values = np.array([one.p_value for one in effects], dtype=np.float64)
    tested = np.array([bool(each.any()) for each in kept], dtype=np.bool_)
    adjusted = np.where(tested, holm(np.where(tested, p_values, np.nan)), p_values)
    intervals = bca_intervals(kept)
    return tuple(
        _paired_difference(*found)
        for found in zip(pairs, effects, adjusted, intervals, strict=True)
    )


def _paired_difference(
    pair: PairedValues, effect: PairedEffect, adjusted: float, bca95: Interval
) -> PairedDifference:
    p_holm = finite_or_none(float(adjusted))
    return PairedDifference(
        metric=pair.metric,
        a=pair.a,
        b=pair.b,
        mean_difference=effect.difference.mean,
        ci95=(effect.difference.low, effect.difference.high),
        relative_difference=effect.relative,
        pairs=effect.difference.count,
        pairs_left_out=len(pair.of_a) - effect.difference.count,
        smallest_difference=effect.smallest,
        verdict=str(verdict_of_many(effect.verdict, p_holm)),
        effect_size=effect.effect_size,
        p_value=effect.p_value,
        p_holm=p_holm,
        p_equivalence=effect.p_equivalence,
        bca95=bca95,
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
        quantiles: quantiles over the replications, by metric, strategy and name ("p50").
        until: how narrow the intervals are that a stopping rule asked for; empty without one.
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
    quantiles: dict[str, dict[str, dict[str, QuantileFigure]]] = field(default_factory=dict)
    until: tuple[Achieved, ...] = ()
