"""The results of a study: means of every group of cells over the values of its axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from cluster_emu.errors import ScenarioError
from cluster_emu.units import UNLIMITED
from cluster_emu.view.quantities import Quantity, quantity_of
from cluster_emu.view.style import (
    PALE_GREY,
    STRATEGY_COLOURS,
    folded,
    literal,
    look,
    new_figure,
    tint,
)

METRICS = ("total_time_s", "downtime_s", "bytes", "makespan_s")
"""The metrics that are drawn if the study has them."""

LINES = tuple(zip(STRATEGY_COLOURS, ("o", "s", "^", "D", "v", "P", "X"), strict=True))
ENDS = ("mean", "ci95_low", "ci95_high")
MOST_COLUMNS, MOST_COLUMNS_NARROW = 5, 2
ROW_INCHES, TITLE_INCHES = 1.7, 1.3
MOST_TICKS = 9
"""Values of an axis of numbers that are all written; of more, matplotlib chooses round ones."""
MANY_TIMES = 20
"""Ratio of the ends of an axis from which on it is logarithmic."""


def draw_study(
    means: pd.DataFrame, metrics: Sequence[str] = METRICS, figure: Figure | None = None
) -> Figure:
    """Draw a row of panels per metric, one line per strategy, over the first axis with numbers.

    Every panel is one place of the other axes; bars are 95 % intervals. A study without axes has
    its strategies side by side. Each panel is a `draw_study_panel`.

    Args:
        means: one row per place of the axes, strategy and metric: the axes, then `strategy`,
            `metric`, `mean`, `ci95_low`, `ci95_high`; the ends are NaN for one replication.
        metrics: which metrics to draw, where the table has them.
        figure: an empty figure to draw in; a new one of fitting height by default.

    Raises:
        ScenarioError: if the table has none of the metrics.
    """
    shown = [name for name in metrics if (means["metric"] == name).any()]
    if not shown:
        allowed = f"a study with one of {', '.join(metrics)}"
        raise ScenarioError("metrics", ", ".join(map(str, means["metric"].unique())), allowed)
    means = means[means["metric"].isin(shown)]
    x, others = _axes(means)
    places = list(_places(means, others))
    if figure is None:
        figure = new_figure(ROW_INCHES * len(shown) + TITLE_INCHES)
    columns = min(len(places), MOST_COLUMNS_NARROW if look().is_narrow else MOST_COLUMNS)
    panels = figure.subplots(len(shown), columns, sharex=True, sharey="row", squeeze=False)
    for row, name in zip(panels, shown, strict=True):
        rows = means[means["metric"] == name]
        quantity = quantity_of(name, [rows["mean"].median()])
        for ax, place in zip(row, places, strict=False):
            _draw_panel(ax, rows[_at(rows, place)], x, quantity)
        _set_height(row[0], rows, quantity)
    for ax, place in zip(panels[0], places, strict=False):
        ax.set_title("\n".join(f"{literal(key)} = {_short(value)}" for key, value in place.items()))
        ax.title.set_fontsize(look().tick_pt)
    for ax in panels[-1]:
        ax.set_xlabel(literal(x), fontsize=look().label_pt)
    figure.suptitle(
        folded(_title(means, len(places), columns)), fontsize=look().title_pt, x=0.01, ha="left"
    )
    handles, labels = panels[0, 0].get_legend_handles_labels()
    if x != "strategy":
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=1 if look().is_narrow else 2,
            fontsize=look().tick_pt,
        )
    return figure


def draw_study_panel(means: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """Draw the means of one metric, one line per strategy, over the first axis with numbers.

    Args:
        means: one row per value of that axis, strategy and metric, as for `draw_study`; of a study
            with more axes the rows of one place.
        metric: which metric.
        ax: where to draw; a new figure by default.

    Raises:
        ScenarioError: if the table has no such metric, or several places of its other axes.
    """
    rows = means[means["metric"] == metric]
    if rows.empty:
        allowed = f"one of {', '.join(sorted(means['metric'].unique()))}"
        raise ScenarioError("metric", metric, allowed)
    x, others = _axes(rows)
    if others:
        raise ScenarioError("means", ", ".join(others), "rows with one value of these axes")
    if ax is None:
        ax = new_figure(ROW_INCHES + TITLE_INCHES).add_subplot()
    quantity = quantity_of(metric, [rows["mean"].median()])
    _draw_panel(ax, rows, x, quantity)
    _set_height(ax, rows, quantity)
    ax.set_xlabel(literal(x), fontsize=look().label_pt)
    if x != "strategy":
        ax.legend(fontsize=look().tick_pt)
    return ax


def _set_height(ax: Axes, rows: pd.DataFrame, quantity: Quantity) -> None:
    """Scale the upright axis to all rows of a metric, and label it."""
    if _is_wide(rows["mean"]):
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    ax.set_ylabel(_folded(literal(quantity.axis_label)), fontsize=look().label_pt)


def _axes(means: pd.DataFrame) -> tuple[str, list[str]]:
    """Return the axis that is drawn along the panels, and the other ones."""
    axes = [str(name) for name in means.columns[: list(means.columns).index("strategy")]]
    varied = [name for name in axes if means[name].nunique() > 1]
    numbers = [name for name in varied if pd.api.types.is_numeric_dtype(means[name])]
    x = next(iter([*numbers, *varied]), "strategy")
    return x, [name for name in varied if name != x]


def _places(means: pd.DataFrame, others: list[str]) -> Iterator[dict[str, object]]:
    if not others:
        yield {}
        return
    for _, row in means[others].drop_duplicates().iterrows():
        yield {str(name): value for name, value in row.items()}


def _at(rows: pd.DataFrame, place: dict[str, object]) -> pd.Series:
    here = pd.Series(True, index=rows.index)
    for name, value in place.items():
        here &= rows[name] == value
    return here


def _draw_panel(ax: Axes, rows: pd.DataFrame, x: str, quantity: Quantity) -> None:
    has_numbers = pd.api.types.is_numeric_dtype(rows[x])
    # An axis of numbers has no place for "unlimited": its values stand side by side in order.
    numeric = has_numbers and not np.isinf(rows[x].to_numpy(float)).any()
    values = sorted(rows[x].unique()) if has_numbers else list(rows[x].unique())
    for place, (strategy, group) in enumerate(rows.groupby("strategy", sort=False)):
        colour, marker = LINES[place % len(LINES)]
        at = group[x].to_numpy(float) if numeric else pd.Index(values).get_indexer(group[x])
        order = np.argsort(at)
        mean, low, high = (group[name].to_numpy(float)[order] / quantity.size for name in ENDS)
        whiskers = np.nan_to_num([mean - low, high - mean])
        ax.errorbar(
            at[order],
            mean,
            whiskers,
            color=tint(colour),
            marker=marker,
            markersize=4,
            linewidth=1.2,
            linestyle="-" if numeric else "none",
            capsize=2,
            label=literal(str(strategy)),
        )
    if numeric and _is_wide(rows[x]):
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    if not numeric or len(values) <= MOST_TICKS:
        ticks = values if numeric else range(len(values))
        ax.set_xticks(ticks, [_short(value) for value in values])
    ax.tick_params(labelsize=look().tick_pt)
    if not numeric:
        ax.tick_params(axis="x", rotation=20)
    ax.grid(axis="y", color=tint(PALE_GREY), linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def _is_wide(values: pd.Series) -> bool:
    found = values.dropna()
    return bool(len(found) and found.min() > 0 and found.max() >= MANY_TIMES * found.min())


def _short(value: object) -> str:
    """Return a value of an axis; large numbers with a power of ten."""
    if not isinstance(value, int | float | np.number):
        return literal(str(value))
    if value == math.inf:
        return UNLIMITED
    return f"{value:g}".replace("e+", "e").replace("e0", "e")


def _folded(label: str) -> str:
    """Return a label on two lines if it is long."""
    words = label.split()
    half = math.ceil(len(words) / 2)
    return label if len(label) < 18 else " ".join(words[:half]) + "\n" + " ".join(words[half:])


def _title(means: pd.DataFrame, places: int, columns: int) -> str:
    runs = sorted(means["runs"].unique())
    of = f"{runs[0]:g}" if len(runs) == 1 else f"{runs[0]:g} to {runs[-1]:g}"
    title = f"Means over {of} replications with 95 % intervals"
    hidden = places - columns
    return title if hidden <= 0 else f"{title}; {hidden} of {places} places are not shown"
