"""What a paired comparison found: one row per run, means, paired differences and verdicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.results.display import Displayed, view
from cluster_emu.results.result_folder import save_study
from cluster_emu.results.versions import versions
from cluster_emu.study.comparison.reasons import reasons
from cluster_emu.study.execution.runs import StudyRun
from cluster_emu.study.report.answers import comparison_answer
from cluster_emu.study.report.comparison import (
    ComparisonReport,
    FailedRun,
    PairedDifference,
    PairedValues,
    paired_differences,
)
from cluster_emu.study.report.figures import (
    MeanFigure,
    OutcomeCount,
    QuantileFigure,
    most_frequent_first,
    quantile_figures,
)
from cluster_emu.study.statistics.estimates import estimate
from cluster_emu.study.statistics.stopping import Achieved, StoppingRule
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADLINE_COLUMNS = (
    "migrations",
    "completed",
    "total_time_s",
    "downtime_s",
    "total_bytes",
    "makespan_s",
)
INTERVALS = ("ci95", "bca95")
"""The intervals of figures."""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Displayed):
    """Strategies on one scenario, replication by replication with the same seed.

    Args:
        scenario: name of the scenario.
        traces: which CPU traces were used, in words.
        labels: the strategies, as given.
        seed: the base seed.
        seeds: the seed of each replication.
        reports: what is kept of each run, by strategy in the order of `seeds`.
        assumptions: what was assumed, one sentence each.
        smallest_differences: from which size on a difference matters, by metric; that of the
            catalogue for a metric that is not here.
        same_rules: pairs of strategies that are one rule under two names.
        histories: the number of rounds that each strategy looks back on.
        wanted: number of replications that were asked for; None for those there are. There are
            fewer after an interrupt.
        until: how narrow the intervals are that a stopping rule asked for; empty without one.
    """

    scenario: str
    traces: str
    labels: tuple[str, ...]
    seed: int
    seeds: tuple[int, ...]
    reports: dict[str, tuple[StudyRun, ...]]
    assumptions: tuple[str, ...]
    smallest_differences: dict[str, SmallestDifference] = field(default_factory=dict)
    same_rules: tuple[tuple[str, str], ...] = ()
    histories: dict[str, int] = field(default_factory=dict)
    wanted: int | None = None
    until: tuple[Achieved, ...] = ()

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run: strategy, replication, seed, error, then the figures of its summary."""
        return pd.DataFrame(
            [
                {
                    "strategy": label,
                    "replication": place,
                    "seed": seed,
                    "error": report.error,
                    **report.summary,
                }
                for label, place, seed, report in self._rows()
            ]
        )

    @property
    def failures(self) -> tuple[FailedRun, ...]:
        """The runs that failed."""
        return tuple(
            FailedRun(label, place, seed, report.error)
            for label, place, seed, report in self._rows()
            if report.error
        )

    @property
    def means(self) -> pd.DataFrame:
        """One row per metric and strategy: mean, runs, ci95_low, ci95_high."""
        return pd.DataFrame(
            [
                {"metric": metric, "strategy": label, **as_columns(one)}
                for metric, by_strategy in self.report().metrics.items()
                for label, one in by_strategy.items()
            ]
        )

    @property
    def paired(self) -> pd.DataFrame:
        """One row per metric and pair of strategies a, b, compared seed by seed.

        Columns: metric, a, b, mean_difference (of b minus a), relative_difference, pairs,
        pairs_left_out, smallest_difference (that matters), verdict, effect_size, p_value, p_holm,
        p_equivalence, ci95_low, ci95_high (Student t), bca95_low, bca95_high (bootstrap). A figure
        that there is not is NaN.
        """
        return pd.DataFrame([as_columns(one) for one in self.report().paired])

    @property
    def quantiles(self) -> pd.DataFrame:
        """One row per metric, strategy and quantile: value, runs, ci95_low, ci95_high.

        Intervals are those of order statistics; an end that the runs are too few for is NaN.
        """
        return pd.DataFrame(
            [
                {"metric": metric, "strategy": label, "quantile": name, **as_columns(one)}
                for metric, by_strategy in self.report().quantiles.items()
                for label, found in by_strategy.items()
                for name, one in found.items()
            ]
        )

    @property
    def answer(self) -> str:
        """What was found, in one sentence."""
        return self.report().answer

    @property
    def headline(self) -> str:
        """Scenario, strategies, and how many replications there were."""
        failed = f", {counted(len(self.failures), 'run')} failed" if self.failures else ""
        return (
            f"{self.scenario!r}: {', '.join(self.labels)}; "
            f"{counted(len(self.seeds), 'replication')}, seed {self.seed}{failed}"
        )

    @property
    def card_columns(self) -> Sequence[str]:
        """What a reader asks of a run first."""
        return ("strategy", "replication", *HEADLINE_COLUMNS)

    def to_frame(self) -> pd.DataFrame:
        """Return the table `runs`: one row per run."""
        return self.runs

    def plot(self, metrics: Sequence[str] | None = None) -> Figure:
        """Draw every strategy's means and the paired differences.

        Args:
            metrics: which metrics, in this order; by default the main ones.

        Raises:
            UnknownNameError: if there is no such metric.
        """
        figure: Figure = view().draw_comparison(self.report(), metrics)
        return figure

    def report(self) -> ComparisonReport:
        """Return everything but the single runs, as `compare --json` prints it."""
        paired = paired_differences(
            [
                self._paired(metric, a, b)
                for metric in metric_catalogue.compared()
                for a, b in combinations(self.labels, 2)
            ]
        )
        report = ComparisonReport(
            scenario=self.scenario,
            traces=self.traces,
            strategies=self.labels,
            replications=len(self.seeds),
            replications_wanted=len(self.seeds) if self.wanted is None else self.wanted,
            seed=self.seed,
            seeds=self.seeds,
            metrics={metric.name: self._means(metric) for metric in metric_catalogue.compared()},
            paired=paired,
            outcomes={label: self._outcomes(label) for label in self.labels},
            notes={label: self._notes(label) for label in self.labels},
            failures=self.failures,
            same_rules=self.same_rules,
            reasons=reasons(self.reports, paired, self.same_rules, self.histories),
            answer="",
            assumptions=self.assumptions,
            versions=versions(),
            quantiles={
                metric.name: {label: self._quantiles(metric, label) for label in self.labels}
                for metric in metric_catalogue.compared()
            },
            until=self.until,
        )
        return replace(report, answer=comparison_answer(report))

    def values_of(self, rule: StoppingRule) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Return by strategy and metric one value per replication, as a rule looks at them."""
        return {
            label: {goal.metric: self._values(goal.metric, label) for goal in rule.goals}
            for label in self.labels
        }

    def save(self, folder: Path, *, csv: bool = True, overwrite: bool = False) -> list[Path]:
        """Write compare.json and the table of runs as Parquet and CSV; return the files written.

        Args:
            folder: a new or empty folder.
            csv: whether the table is written as CSV, too.
            overwrite: whether to replace an older result in this folder.

        Raises:
            ScenarioError: if the folder is in use, see `check_unused`.
        """
        report = self.report()
        return save_study(
            folder,
            "compare",
            ("compare.json", report),
            {"runs": self.runs},
            csv=csv,
            overwrite=overwrite,
            complete=report.replications == report.replications_wanted,
        )

    def _rows(self) -> Iterator[tuple[str, int, int, StudyRun]]:
        """Yield strategy, replication, seed and report of every run."""
        for label in self.labels:
            for place, seed in enumerate(self.seeds):
                yield label, place, seed, self.reports[label][place]

    def _values(self, metric: str, label: str) -> NDArray[np.float64]:
        """Return one figure per replication, NaN where the run has none or failed."""
        figures = [report.summary.get(metric, math.nan) for report in self.reports[label]]
        return np.array(figures, dtype=np.float64)

    def _means(self, metric: Metric) -> dict[str, MeanFigure]:
        return {
            label: MeanFigure.of(estimate(self._values(metric.name, label)), signed=metric.signed)
            for label in self.labels
        }

    def _paired(self, metric: Metric, a: str, b: str) -> PairedValues:
        name = metric.name
        smallest = self.smallest_differences.get(name, metric.smallest_difference)
        return PairedValues(name, a, b, self._values(name, a), self._values(name, b), smallest)

    def _quantiles(self, metric: Metric, label: str) -> dict[str, QuantileFigure]:
        return quantile_figures(self._values(metric.name, label))

    def _outcomes(self, label: str) -> tuple[OutcomeCount, ...]:
        """Return how many migrations of all replications ended how."""
        counts: Counter[tuple[str, str]] = Counter()
        for report in self.reports[label]:
            counts.update(report.outcomes)
        return most_frequent_first(counts)

    def _notes(self, label: str) -> tuple[str, ...]:
        """Return the policies' notes of the first replication, and of each without migrations."""
        return tuple(
            f"replication {place}: {note}"
            for place, report in enumerate(self.reports[label])
            for note in report.notes
            if place == 0 or not report.outcomes
        )


def as_columns(figure: MeanFigure | QuantileFigure | PairedDifference) -> dict[str, str | float]:
    """Return a figure as columns: one for each end of its intervals, NaN for what there is not."""
    values = asdict(figure)
    for name in [name for name in INTERVALS if name in values]:
        values[f"{name}_low"], values[f"{name}_high"] = values.pop(name)
    return {name: math.nan if value is None else value for name, value in values.items()}
