"""A figure over fault rates: one panel per metric, one line per strategy."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu import estimate
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    GREEN,
    LABEL_PT,
    PALE_GREY,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    new_figure,
)

LOOKS = {
    "pre-copy": (BLACK, "o", "-"),
    "history-majority": (BLUE, "^", "--"),
    "post-copy": (VERMILLION, "s", "-"),
    "hybrid": (GREEN, "D", ":"),
}


class Panel(NamedTuple):
    """A column of the results and its label."""

    column: str
    label: str


PANELS = (
    Panel("vms_lost", "VMs lost, of 32"),
    Panel("down_min", "lost uptime (VM minutes)"),
    Panel("failed_per_1000", "failed migrations per 1,000"),
    Panel("makespan_s", "drain time (s)\n(lost VMs need no move)"),
)


def draw_storm(runs: pd.DataFrame, rate: str, title: str) -> Figure:
    """Draw means over runs against the fault rate, with 95 % intervals as bars.

    Args:
        runs: one row per run, with strategy, the rate and the columns of `PANELS`.
        rate: column of the crashes per host and hour.
        title: title of the figure.
    """
    figure = new_figure(4.6)
    axes = figure.subplots(2, 2, sharex=True).flat
    for ax, panel in zip(axes, PANELS, strict=True):
        _draw_panel(ax, runs, rate, panel)
    for ax in list(figure.axes)[2:]:
        ax.set_xlabel("crashes per host and hour", fontsize=LABEL_PT)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=len(names), fontsize=LABEL_PT)
    return figure


def _draw_panel(ax: Axes, runs: pd.DataFrame, rate: str, panel: Panel) -> None:
    rates = sorted(runs[rate].unique())
    for place, (name, group) in enumerate(runs.groupby("strategy", sort=False)):
        colour, marker, line = LOOKS[str(name)]
        found = [estimate(group.loc[group[rate] == r, panel.column].to_numpy()) for r in rates]
        shift = 0.2 * (place - 1.5)  # so that no bar covers another
        means = [each.mean for each in found]
        ends = [
            [each.mean - (each.mean if each.low is None else each.low) for each in found],
            [(each.mean if each.high is None else each.high) - each.mean for each in found],
        ]
        ax.errorbar(
            [r + shift for r in rates],
            means,
            ends,
            color=colour,
            marker=marker,
            linestyle=line,
            markersize=4,
            linewidth=1.3,
            elinewidth=0.8,
            label=str(name),
        )
    ax.set_xticks(rates)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(panel.label, fontsize=LABEL_PT)
    ax.grid(visible=True, color=PALE_GREY, linewidth=0.5)
    ax.tick_params(labelsize=TICK_PT)
    ax.spines[["top", "right"]].set_visible(False)
