"""A figure over the number of migrations at once: panels by another axis, a line per strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter, ScalarFormatter

from cluster_emu import estimate
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    GREEN,
    LABEL_PT,
    ORANGE,
    PALE_GREY,
    TICK_PT,
    TITLE_PT,
    new_figure,
)

LOOKS = ((BLACK, "o", "-"), (ORANGE, "s", "--"), (BLUE, "^", "-"), (GREEN, "D", ":"))

FEW_DECADES = 100
"""Ratio of the ends of a logarithmic axis below which there are labels within decades."""


class Row(NamedTuple):
    """A row of panels: a column of the results, its label and its scale."""

    column: str
    label: str
    scale: float
    log: bool


ROWS = (
    Row("makespan_s", "drain time (s)", 1.0, False),
    Row("downtime_p95_s", "downtime, 95th\npercentile (ms)", 1e3, True),
    Row("total_bytes", "data sent (GB)", 1e-9, False),
)


def draw_sweep(
    table: pd.DataFrame,
    at_once: str,
    level: str,
    title: str,
    *,
    named: Callable[[float], str],
    rows: Sequence[Row] = ROWS,
    at_once_label: str = "migrations at once",
) -> Figure:
    """Draw means over replications against the number at once, with 95 % intervals as bands.

    Args:
        table: one row per run, with the columns of `rows`, strategy, and the two axes.
        at_once: column of the number of migrations at once.
        level: column of the other axis, a number; it has one column of panels per value.
        title: title of the figure.
        named: returns the title of the panels of a value of `level`.
        rows: the rows of panels.
        at_once_label: label of the horizontal axes.
    """
    figure = new_figure(5.6)
    levels = sorted(table[level].unique())
    panels = figure.subplots(len(rows), len(levels), sharex=True, sharey="row", squeeze=False)
    for place, value in enumerate(levels):
        chosen = table[table[level] == value]
        for row, ax in zip(rows, panels[:, place], strict=True):
            _draw_panel(ax, chosen, at_once, row)
        panels[0, place].set_title(named(value), fontsize=LABEL_PT)
        panels[-1, place].set_xlabel(at_once_label, fontsize=LABEL_PT)
    for row, ax in zip(rows, panels[:, 0], strict=True):
        ax.set_ylabel(row.label, fontsize=LABEL_PT)
        if row.log:
            _label_decades(ax)
        else:
            ax.set_ylim(bottom=0)  # last, because it fixes the upper end that the row shares
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    lines, names = panels[0, 0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=len(names), fontsize=LABEL_PT)
    return figure


def _label_decades(ax: Axes) -> None:
    """Label whole decades, and parts of them where the axis has few; minor ticks have no labels."""
    ax.yaxis.set_minor_formatter(NullFormatter())
    low, high = ax.get_ylim()
    if high < FEW_DECADES * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))


def _draw_panel(ax: Axes, rows: pd.DataFrame, at_once: str, shown: Row) -> None:
    for (name, group), (colour, marker, line) in zip(
        rows.groupby("strategy", sort=False), LOOKS, strict=False
    ):
        numbers = sorted(group[at_once].unique())
        estimates = [
            estimate(group.loc[group[at_once] == number, shown.column].to_numpy() * shown.scale)
            for number in numbers
        ]
        means = [each.mean for each in estimates]
        ax.plot(numbers, means, line, color=colour, marker=marker, markersize=4, label=str(name))
        if all(each.low is not None for each in estimates):
            floor = min(group[shown.column]) * shown.scale / 2  # a log axis cannot show 0
            low = [max(each.low or 0.0, floor) for each in estimates]
            high = [each.high or 0.0 for each in estimates]
            ax.fill_between(numbers, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(rows[at_once].unique()))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    if shown.log:
        ax.set_yscale("log")
    ax.grid(visible=True, color=PALE_GREY, linewidth=0.5)
    ax.tick_params(labelsize=TICK_PT)
    ax.spines[["top", "right"]].set_visible(False)
