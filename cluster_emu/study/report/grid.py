"""The report of a study: means of every group of cells, and where strategies differ."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.study.report.comparison import PairedDifference
from cluster_emu.study.report.figures import MeanFigure, QuantileFigure
from cluster_emu.study.statistics.stopping import Achieved

Place = dict[str, str | int | float | bool]
"""Values of a study's axes by their paths."""


@dataclass(frozen=True, slots=True)
class GroupMeans:
    """The means of the cells that differ in nothing but the seed.

    Args:
        axes: the values of the axes.
        strategy: the transfer strategy.
        means: means by name of the metric.
    """

    axes: Place
    strategy: str
    means: dict[str, MeanFigure]


@dataclass(frozen=True, slots=True)
class GroupQuantiles:
    """Quantiles over the cells that differ in nothing but the seed.

    Args:
        axes: the values of the axes.
        strategy: the transfer strategy.
        quantiles: quantiles by metric and name ("p50").
    """

    axes: Place
    strategy: str
    quantiles: dict[str, dict[str, QuantileFigure]]


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """One metric of two strategies, compared seed by seed at one place of the axes."""

    axes: Place
    difference: PairedDifference


@dataclass(frozen=True, slots=True)
class GroupPrecision:
    """How narrow an interval is at one place of the axes, where a stopping rule asked for it."""

    axes: Place
    achieved: Achieved


@dataclass(frozen=True, slots=True)
class SameRule:
    """Two strategies that are one rule under two names.

    Args:
        a: one of them.
        b: the other one.
        places: where on the axes they are the same.
        of: number of places that there are.
    """

    a: str
    b: str
    places: tuple[Place, ...]
    of: int


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What a study came to, in words.

    Args:
        answer: what was found, in one sentence.
        assumptions: what the figures assume, one sentence each.
    """

    answer: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a study came to.

    Args:
        study: the study's name.
        cells: number of cells.
        found: how many of them had ended before.
        failed: how many of them failed.
        cells_with_incomplete_migrations: in how many of them migrations did not complete.
        migrations: how many migrations there were in all cells, and how many of them ended how.
        strategies: the strategies, as given.
        means: one entry per place of the axes and strategy.
        paired: one entry per place, pair of strategies and metric.
        same_rules: strategies that are compared with themselves.
        answer: what was found, in one sentence.
        results: the table of cells.
        until: how narrow the intervals are that a stopping rule asked for; empty without one.
        assumptions: what the figures assume, one sentence each.
    """

    study: str
    cells: int
    found: int
    failed: int
    cells_with_incomplete_migrations: int
    migrations: dict[str, int]
    strategies: tuple[str, ...]
    means: tuple[GroupMeans, ...]
    paired: tuple[GroupDifference, ...]
    same_rules: tuple[SameRule, ...]
    answer: str
    results: str
    until: tuple[GroupPrecision, ...] = ()
    assumptions: tuple[str, ...] = ()
