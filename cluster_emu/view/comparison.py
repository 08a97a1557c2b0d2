"""Strategies compared: means with their intervals, and paired differences with their verdicts."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cluster_emu.errors import UnknownNameError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.study.report.comparison import ComparisonReport, PairedDifference
from cluster_emu.study.report.figures import Interval
from cluster_emu.view.quantities import Quantity, quantity_of
from cluster_emu.view.style import (
    GREY,
    GRID_GREY,
    PALE_GREY,
    STRATEGY_COLOURS,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted, percent

LINE_INCHES = 0.2
FOLD_INCHES = 0.13
LABEL_LETTERS = 32
PADDING_PER_METRIC_INCHES = 0.55
TITLE_INCHES = 0.55
VERDICT_LETTERS = 34
LABEL_LETTERS_NARROW, VERDICT_LETTERS_NARROW = 20, 17
BAND_LINES = 0.7


@dataclass(frozen=True, slots=True)
class _Estimate:
    """A line of a panel: a mean with its 95 % interval, None where there was nothing to measure."""

    label: str
    mean: float | None
    low: float | None
    high: float | None
    colour: str
    note: str = ""
    smallest: float | None = None
    """The smallest difference that matters; None for a line that is no difference."""

    @property
    def numbers(self) -> list[float]:
        return [
            value
            for value in (self.mean, self.low, self.high)
            if value is not None and math.isfinite(value)
        ]


def draw_comparison(
    report: ComparisonReport,
    metrics: Sequence[str] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw one row per metric: every strategy's mean on the left, paired differences on the right.

    Bars are 95 % intervals. A difference is "b − a", with its verdict on b next to it. The dashed
    line is no difference at all, and differences in the grey band around it are too small to
    matter. The panels are `draw_comparison_means` and `draw_comparison_differences`.

    Args:
        report: the comparison's report; the `relative_difference` of a pair is shown where there
            is one.
        metrics: which metrics to draw, in this order; by default the main ones it has.
        figure: an empty figure to draw in; a new one by default.

    Raises:
        UnknownNameError: if the report has no such metric.
    """
    chosen = _chosen(report, metrics)
    rows = [_Row.of(report, metric) for metric in chosen]
    heights = [row.height_inches for row in rows]
    if figure is None:
        figure = new_figure(sum(heights) * (2 if look().is_narrow else 1) + TITLE_INCHES)
    if look().is_narrow:
        below = [height for height in heights for _ in range(2)]
        panels = figure.subplots(2 * len(rows), 1, height_ratios=below).reshape(-1, 2)
    else:
        panels = figure.subplots(len(rows), 2, squeeze=False, height_ratios=heights)
    for row, (left, right) in zip(rows, panels, strict=True):
        _draw_means(left, row)
        _draw_differences(right, row)
    figure.suptitle(_title(report), fontsize=look().title_pt, x=0.01, ha="left")
    return figure


def draw_comparison_means(report: ComparisonReport, metric: str, ax: Axes | None = None) -> Axes:
    """Draw every strategy's mean of one metric with its 95 % interval.

    Args:
        report: the comparison's report.
        metric: which metric.
        ax: where to draw; a new figure of fitting height by default.

    Raises:
        UnknownNameError: if the report has no such metric.
    """
    row, ax = _row_and_axes(report, metric, ax)
    _draw_means(ax, row)
    return ax


def draw_comparison_differences(
    report: ComparisonReport, metric: str, ax: Axes | None = None
) -> Axes:
    """Draw the paired differences of one metric, 95 % intervals, and the verdict of each.

    Args:
        report: the comparison's report.
        metric: which metric.
        ax: where to draw; a new figure of fitting height by default.

    Raises:
        UnknownNameError: if the report has no such metric.
    """
    row, ax = _row_and_axes(report, metric, ax)
    _draw_differences(ax, row)
    return ax


def _row_and_axes(report: ComparisonReport, metric: str, ax: Axes | None) -> tuple[_Row, Axes]:
    row = _Row.of(report, _chosen(report, [metric])[0])
    return row, new_figure(row.height_inches).add_subplot() if ax is None else ax


# --- what is drawn of a report --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """What is drawn of one metric."""

    quantity: Quantity
    means: list[_Estimate]
    differences: list[_Estimate]

    @classmethod
    def of(cls, report: ComparisonReport, metric: str) -> _Row:
        """Return what is drawn of a metric; both panels have one unit."""
        means = _means(report, metric)
        differences = _differences(report, metric)
        numbers = [value for each in means for value in each.numbers]
        return cls(quantity_of(metric, numbers), means, differences)

    @property
    def height_inches(self) -> float:
        """Room for its lines, the longest of which may have to be folded."""
        written = [each.label for each in [*self.means, *self.differences]]
        written += [each.note for each in self.differences]
        folds = max((text.count("\n") for text in written), default=0)
        lines = max(len(self.means), len(self.differences), 1)
        return lines * (LINE_INCHES + folds * FOLD_INCHES) + PADDING_PER_METRIC_INCHES


def _chosen(report: ComparisonReport, metrics: Sequence[str] | None) -> list[str]:
    known = report.metrics
    if metrics is None:
        main = [each.name for each in metric_catalogue.compared() if each.is_main]
        return [name for name in main if name in known] or list(known)
    for metric in metrics:
        if metric not in known:
            raise UnknownNameError("metric", metric, known)
    return list(metrics)


def _means(report: ComparisonReport, metric: str) -> list[_Estimate]:
    return [
        _estimate(strategy, found.mean, found.ci95, _colour(number))
        for number, (strategy, found) in enumerate(report.metrics[metric].items())
    ]


def _differences(report: ComparisonReport, metric: str) -> list[_Estimate]:
    strategies = list(report.metrics[metric])
    return [
        _estimate(
            f"{pair.b} − {pair.a}",
            pair.mean_difference,
            pair.ci95,
            _colour(strategies.index(pair.b) if pair.b in strategies else 0),
            _note(pair),
            pair.smallest_difference,
        )
        for pair in report.paired
        if pair.metric == metric
    ]


def _note(pair: PairedDifference) -> str:
    """Return the verdict and, where there is one, the difference in per cent of a."""
    if not pair.relative_difference:
        return pair.verdict
    size = percent(pair.relative_difference).replace("-", "−")
    return f"{pair.verdict}, {size}"


def _estimate(
    label: str,
    mean: float | None,
    interval: Interval,
    colour: str,
    note: str = "",
    smallest: float | None = None,
) -> _Estimate:
    low, high = interval
    narrow = look().is_narrow
    letters = LABEL_LETTERS_NARROW if narrow else LABEL_LETTERS
    words = textwrap.fill(literal(label).replace(",", ", "), letters, break_on_hyphens=False)
    written = textwrap.fill(note, VERDICT_LETTERS_NARROW if narrow else VERDICT_LETTERS)
    return _Estimate(words, mean, low, high, colour, written, smallest)


def _colour(number: int) -> str:
    return tint(STRATEGY_COLOURS[number % len(STRATEGY_COLOURS)])


def _title(report: ComparisonReport) -> str:
    pairs = sorted({(pair.a, pair.b) for pair in report.paired})
    title = (
        f"{report.scenario}: means with 95 % intervals, "
        f"{counted(report.replications, 'paired replication')}"
    )
    lines = [title, f"CPU traces: {report.traces}"]
    if pairs:
        lines.insert(1, "Grey: differences too small to matter. Verdicts are about b.")
    if len(pairs) == 1:
        lines.insert(1, f"a is {pairs[0][0]}, b is {pairs[0][1]}".replace(",", ", "))
    return "\n".join(folded(literal(" ".join(line.split()))) for line in lines)


# --- panels --------------------------------------------------------------------------------------


def _draw_means(ax: Axes, row: _Row) -> None:
    _draw_estimates(ax, row.means, row.quantity)
    ax.set_title(literal(row.quantity.axis_label), fontsize=look().label_pt, loc="left")


def _draw_differences(ax: Axes, row: _Row) -> None:
    found, unit = row.differences, f" ({row.quantity.unit})" if row.quantity.unit else ""
    _draw_estimates(ax, found, row.quantity)
    if len(found) == 1:
        ax.set_yticks([])
    ax.set_title(f"Difference b − a{literal(unit)}", fontsize=look().label_pt, loc="left")
    ax.axvline(0.0, color=tint(GREY), linewidth=0.8, linestyle="--", zorder=0.5)
    _draw_bands(ax, found, row.quantity)
    verdicts = ax.secondary_yaxis("right")
    verdicts.set_yticks(range(len(found)), [each.note for each in found])
    verdicts.tick_params(axis="y", labelsize=look().note_pt, length=0)
    verdicts.spines["right"].set_visible(False)


def _draw_bands(ax: Axes, differences: Sequence[_Estimate], quantity: Quantity) -> None:
    """Draw behind every difference those that are too small to matter."""
    for line, each in enumerate(differences):
        if each.smallest:
            half = each.smallest / quantity.size
            corner = (-half, line - BAND_LINES / 2)
            band = Rectangle(
                corner, 2 * half, BAND_LINES, color=tint(PALE_GREY), linewidth=0, zorder=0
            )
            ax.add_patch(band)
    ax.autoscale_view(scaley=False)


def _draw_estimates(ax: Axes, estimates: Sequence[_Estimate], quantity: Quantity) -> None:
    size = quantity.size
    for line, each in enumerate(estimates):
        if each.mean is None or not math.isfinite(each.mean):
            _write_nothing(ax, line)
            continue
        low = each.mean if each.low is None else each.low
        high = each.mean if each.high is None else each.high
        ax.errorbar(
            each.mean / size,
            line,
            xerr=[[(each.mean - low) / size], [(high - each.mean) / size]],
            fmt="o",
            color=each.colour,
            markersize=4.5,
            linewidth=1.6,
            capsize=3,
            label=each.label,
        )
    ax.set_yticks(range(len(estimates)), [each.label for each in estimates])
    ax.set_ylim(len(estimates) - 0.4, -0.6)
    ax.tick_params(labelsize=look().tick_pt)
    ax.tick_params(axis="y", length=0)
    ax.margins(x=0.08)
    ax.locator_params(axis="x", nbins=4)
    ax.xaxis.set_major_formatter("{x:,.8g}")
    ax.grid(axis="x", color=tint(GRID_GREY), linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _write_nothing(ax: Axes, line: int) -> None:
    ax.annotate(
        "nothing to measure",
        (0.5, line),
        xycoords=("axes fraction", "data"),
        ha="center",
        va="center",
        fontsize=look().note_pt,
        color=tint(GREY),
    )
