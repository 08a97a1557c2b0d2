"""Groups of the cells of a study: means over the seeds, and strategies compared seed by seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.study.comparison.same_rules import same_rules
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.report.comparison import PairedValues, paired_differences
from cluster_emu.study.report.figures import MeanFigure, QuantileFigure, quantile_figures
from cluster_emu.study.report.grid import (
    GroupDifference,
    GroupMeans,
    GroupQuantiles,
    Place,
    SameRule,
)
from cluster_emu.study.statistics.estimates import estimate


class Groups:
    """The table of a study's cells, taken apart by place on the axes.

    Args:
        table: one row per cell that has ended; those that failed have no figures.
        axes: the columns of the axes.
        smallest: from which size on a difference matters, by metric.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        axes: Sequence[str],
        smallest: Mapping[str, SmallestDifference],
    ) -> None:
        self._axes = list(axes)
        self._smallest = smallest
        self._places = list(self._by_place(table)) if len(table) else []

    @cached_property
    def means(self) -> tuple[GroupMeans, ...]:
        """Return the means of every place and strategy, in the order of the table."""
        return tuple(
            GroupMeans(place, strategy, self._means(rows))
            for place, by_strategy in self._places
            for strategy, rows in by_strategy.items()
        )

    @cached_property
    def paired(self) -> tuple[GroupDifference, ...]:
        """Return the differences of every place, pair of strategies and metric."""
        pairs = [
            (place, pair)
            for place, by_strategy in self._places
            for a, b in combinations(by_strategy, 2)
            for pair in self._pairs((a, by_strategy[a]), (b, by_strategy[b]))
        ]
        found = paired_differences([pair for _, pair in pairs])
        return tuple(
            GroupDifference(place, one) for (place, _), one in zip(pairs, found, strict=True)
        )

    @cached_property
    def quantiles(self) -> tuple[GroupQuantiles, ...]:
        """Return the quantiles of every place and strategy, in the order of the table."""
        return tuple(
            GroupQuantiles(place, strategy, self._quantiles(rows))
            for place, by_strategy in self._places
            for strategy, rows in by_strategy.items()
        )

    def _by_place(self, table: pd.DataFrame) -> Iterator[tuple[Place, dict[str, pd.DataFrame]]]:
        by_place = (
            table.groupby(self._axes, sort=False, dropna=False) if self._axes else [((), table)]
        )
        for _, rows in by_place:
            first = rows[self._axes].iloc[0]
            place = {axis: _plain(first[axis]) for axis in self._axes}
            by_strategy = rows.groupby("strategy", sort=False)
            yield place, {str(strategy): group for strategy, group in by_strategy}

    def _means(self, rows: pd.DataFrame) -> dict[str, MeanFigure]:
        return {
            metric.name: MeanFigure.of(estimate(_values(rows, metric.name)), signed=metric.signed)
            for metric in metric_catalogue.compared()
            if metric.name in rows
        }

    def _quantiles(self, rows: pd.DataFrame) -> dict[str, dict[str, QuantileFigure]]:
        return {
            metric.name: quantile_figures(_values(rows, metric.name))
            for metric in metric_catalogue.compared()
            if metric.name in rows
        }

    def _pairs(
        self, a: tuple[str, pd.DataFrame], b: tuple[str, pd.DataFrame]
    ) -> Iterator[PairedValues]:
        """Yield the values of a and b over the seeds that both have."""
        seeds = [seed for seed in a[1]["seed"] if seed in set(b[1]["seed"])]
        ours, theirs = (rows.set_index("seed").loc[seeds] for _, rows in (a, b))
        for name, smallest in self._smallest.items():
            if name in ours and name in theirs:
                values = _values(ours, name), _values(theirs, name)
                yield PairedValues(name, a[0], b[0], *values, smallest)


def _values(rows: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return rows[name].to_numpy(dtype=np.float64)


def _plain(value: object) -> str | int | float | bool:
    """Return a value of a column as Python's own number or text."""
    found = value.item() if isinstance(value, np.generic) else value
    return found if isinstance(found, str | int | float | bool) else str(found)


def rules_compared_with_themselves(
    cells: Sequence[Cell], axes: Sequence[str]
) -> tuple[SameRule, ...]:
    """Return the pairs of strategies that are one rule, and at which places of the axes."""
    at_place: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.labels["replication"] == 0:
            key = json.dumps([cell.labels[axis] for axis in axes])
            at_place.setdefault(key, []).append(cell)
    found: dict[tuple[str, str], list[Place]] = {}
    for there in at_place.values():
        scenarios = {str(cell.labels["strategy"]): cell.scenario for cell in there}
        place: Place = {axis: there[0].labels[axis] for axis in axes}
        for pair in same_rules(scenarios):
            found.setdefault(pair, []).append(place)
    return tuple(SameRule(a, b, tuple(places), len(at_place)) for (a, b), places in found.items())
