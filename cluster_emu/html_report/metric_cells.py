"""Figures of metrics as cells of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cluster_emu.html_report.page import Table
from cluster_emu.metrics.catalogue import Metric
from cluster_emu.study.comparison.result import as_columns
from cluster_emu.study.report.comparison import PairedDifference
from cluster_emu.study.report.figures import Interval, MeanFigure, OutcomeCount
from cluster_emu.wording import interval, number, p_value, percent

PAIRED_HEADER = (
    "verdict",
    "difference [95 % t interval]",
    "BCa interval",
    "relative",
    "matters from",
    "d_z",
    "p (Holm)",
)
PAIRED_NOTE = (
    "Differences are taken seed by seed. “Lower” and “higher” hold for all tests of this "
    "report at once (Holm), beyond the smallest difference that matters; “no practical "
    "difference” means that the whole interval lies within it; d_z is the effect size."
)


def scaled(value: float | None, metric: Metric) -> str:
    """Return a value in the unit that a reader sees."""
    return number(None if value is None else value * metric.scale)


def with_interval(found: MeanFigure, metric: Metric) -> str:
    """Return a mean and its interval."""
    return f"{scaled(found.mean, metric)} {interval(*found.ci95, metric.scale)}".rstrip()


def named(metric: Metric) -> str:
    """Return a metric with its unit."""
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def paired_cells(pair: PairedDifference, metric: Metric) -> tuple[str, ...]:
    """Return the cells below `PAIRED_HEADER`."""
    return (
        pair.verdict,
        f"{scaled(pair.mean_difference, metric)}\n{interval(*pair.ci95, metric.scale)}".rstrip(),
        _ends(pair.bca95, metric),
        unbroken(percent(pair.relative_difference)),
        scaled(pair.smallest_difference, metric),
        number(pair.effect_size),
        unbroken(p_value(pair.p_holm)),
    )


def unbroken(text: str) -> str:
    """Return a text that no line ends within."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _ends(ends: Interval, metric: Metric) -> str:
    return interval(*ends, metric.scale) or "-"


def paired_frame(pairs: Sequence[PairedDifference]) -> pd.DataFrame:
    """Return paired differences as a table of a file."""
    return pd.DataFrame([as_columns(one) for one in pairs])


def endings(by_label: Mapping[str, Sequence[OutcomeCount]], first: str) -> Table:
    """Return how migrations ended, a row per strategy, outcome and reason."""
    rows = [
        (label, one.outcome, one.why, f"{one.migrations:,}")
        for label, found in by_label.items()
        for one in found
    ]
    return Table(
        "outcomes",
        "How migrations ended",
        (first, "outcome", "why", "migrations"),
        rows,
        text_columns=3,
    )
