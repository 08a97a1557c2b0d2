"""What a paired comparison found: one row per run, means, paired differences and verdicts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.metrics.catalogue import Metric, metrics
from cluster_emu.results.run_result import versions, write_parquet, write_text
from cluster_emu.study.execution.runs import RunReport
from cluster_emu.study.statistics.estimates import differences, estimate, verdict

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Strategies on one scenario, replication by replication with the same seed.

    Args:
        scenario: name of the scenario.
        traces: which CPU traces were used, in words.
        labels: the strategies, as they were asked for.
        seed: the base seed.
        seeds: the seed of each replication.
        reports: what each run left, by strategy in the order of `seeds`.
        assumptions: what was assumed, one sentence each.
    """

    scenario: str
    traces: str
    labels: tuple[str, ...]
    seed: int
    seeds: tuple[int, ...]
    reports: dict[str, tuple[RunReport, ...]]
    assumptions: tuple[str, ...]

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run: strategy, replication, seed, error, then the figures of its summary."""
        return pd.DataFrame([{**row, **report.summary} for row, report in self._rows()])

    @property
    def failures(self) -> list[Document]:
        """The runs that failed: strategy, replication, seed and error of each."""
        return [row for row, report in self._rows() if report.error]

    def document(self) -> Document:
        """Return everything as plain data for JSON; None stands for a figure there is none of."""
        return {
            "scenario": self.scenario,
            "traces": self.traces,
            "strategies": list(self.labels),
            "replications": len(self.seeds),
            "seed": self.seed,
            "seeds": list(self.seeds),
            "metrics": {metric.name: self._means(metric) for metric in metrics.compared()},
            "paired": [
                self._paired(metric.name, a, b)
                for metric in metrics.compared()
                for a, b in combinations(self.labels, 2)
            ],
            "outcomes": {label: self._outcomes(label) for label in self.labels},
            "notes": {label: self._notes(label) for label in self.labels},
            "failures": self.failures,
            "assumptions": list(self.assumptions),
            "versions": versions(),
        }

    def save(self, folder: Path) -> list[Path]:
        """Write compare.json and the table of runs (Parquet, CSV); return the files written."""
        runs = self.runs
        paths = [folder / name for name in ("compare.json", "runs.parquet", "runs.csv")]
        write_text(json.dumps(self.document(), indent=2, allow_nan=False) + "\n", paths[0])
        write_parquet(runs, paths[1])
        write_text(runs.to_csv(index=False), paths[2])
        return paths

    def _rows(self) -> Iterator[tuple[Document, RunReport]]:
        for label in self.labels:
            for place, (seed, report) in enumerate(
                zip(self.seeds, self.reports[label], strict=True)
            ):
                row = {"strategy": label, "replication": place, "seed": seed}
                yield {**row, "error": report.error}, report

    def _values(self, metric: str, label: str) -> NDArray[np.float64]:
        """Return one figure per replication, NaN where the run has none or failed."""
        figures = [report.summary.get(metric, math.nan) for report in self.reports[label]]
        return np.array(figures, dtype=np.float64)

    def _means(self, metric: Metric) -> dict[str, Document]:
        found = {label: estimate(self._values(metric.name, label)) for label in self.labels}
        return {
            label: {"mean": one.mean, "ci95": _possible(one.ci95, metric), "runs": one.count}
            for label, one in found.items()
        }

    def _paired(self, metric: str, a: str, b: str) -> Document:
        values = self._values(metric, a)
        difference = differences(values, self._values(metric, b))
        found = estimate(difference)
        base = estimate(np.where(np.isnan(difference), math.nan, values)).mean
        return {
            "metric": metric,
            "a": a,
            "b": b,
            "mean_difference": found.mean,
            "ci95": found.ci95,
            "relative_difference": found.mean / base if found.mean is not None and base else None,
            "pairs": found.count,
            "pairs_left_out": len(self.seeds) - found.count,
            "verdict": str(verdict(difference)),
        }

    def _outcomes(self, label: str) -> list[Document]:
        """Return how many migrations of all replications ended how, the most frequent first."""
        counts: dict[tuple[str, str], int] = {}
        for report in self.reports[label]:
            for kind, count in report.outcomes.items():
                counts[kind] = counts.get(kind, 0) + count
        order = sorted(counts, key=lambda kind: (-counts[kind], kind))
        return [
            {"outcome": outcome, "why": why, "migrations": counts[outcome, why]}
            for outcome, why in order
        ]

    def _notes(self, label: str) -> list[str]:
        """Return what policies said in the first replication, and wherever nothing migrated."""
        return [
            f"replication {place}: {note}"
            for place, report in enumerate(self.reports[label])
            for note in report.notes
            if place == 0 or not report.outcomes
        ]


def _possible(ends: list[float | None], metric: Metric) -> list[float | None]:
    """Return an interval without the part in which the figure cannot be."""
    low, high = ends
    return ends if low is None or metric.signed else [max(low, 0.0), high]
