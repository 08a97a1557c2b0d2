"""A figure that compares many strategies with one: relative differences with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu import metric_catalogue
from cluster_emu.view.style import BLUE, GREY, LABEL_PT, TICK_PT, TITLE_PT, VERMILLION, new_figure

MARKERS = {"lower": (BLUE, "<"), "higher": (VERMILLION, ">")}
FAR_OFF_PERCENT = 100


def draw_forest(rows: pd.DataFrame, names: Sequence[str], title: str) -> Figure:
    """Draw one panel per metric, one line per strategy; the colour is the verdict.

    Args:
        rows: columns metric, strategy, verdict, baseline (its mean) and, in percent of this
            mean, percent, low_percent and high_percent.
        names: the metrics.
        title: title of the figure.
    """
    figure = new_figure(3.8)
    for ax, name in zip(figure.subplots(1, len(names), sharey=True), names, strict=True):
        chosen = rows[rows["metric"] == name].iloc[::-1]
        _draw_panel(ax, chosen)
        metric = metric_catalogue[name]
        base = f"{chosen['baseline'].iloc[0] * metric.scale:.4g} {metric.unit}"
        ax.set_title(f"{metric.label}\n({base})", fontsize=LABEL_PT)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    return figure


def _draw_panel(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the differences in one metric; a difference outside the axis is written as text."""
    near = rows[rows["percent"].abs() < FAR_OFF_PERCENT]
    limit = 1.15 * near[["low_percent", "high_percent"]].abs().max().max()
    for place, row in enumerate(rows.itertuples()):
        colour, marker = MARKERS.get(row.verdict, (GREY, "o"))
        ax.plot([row.low_percent, row.high_percent], [place, place], color=colour, linewidth=1.5)
        ax.plot(min(row.percent, limit), place, marker, color=colour, markersize=5, clip_on=False)
        if row.percent > limit:
            where = (0.9 * limit, place)
            text = f"{row.percent:+,.0f} %"
            ax.annotate(text, where, ha="right", va="center", fontsize=TICK_PT)
    if limit > 0:
        ax.set_xlim(-limit, limit)
    ax.set_yticks(range(len(rows)), rows["strategy"])
    ax.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_xlabel("difference (%)", fontsize=LABEL_PT)
    ax.tick_params(labelsize=TICK_PT)
    ax.spines[["top", "right"]].set_visible(False)
