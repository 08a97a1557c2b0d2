"""Figures for drains under several policies: drain time, downtime of VMs, data sent."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from cluster_emu.view.style import (
    BLUE,
    GREY,
    LABEL_PT,
    PALE_GREY,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    new_figure,
)


def draw_policies(rows: pd.DataFrame, title: str) -> Figure:
    """Draw one line per policy; policies that did not drain every VM have another colour.

    Args:
        rows: columns policy, drain_p50_s, drain_low_s, drain_high_s, downtime_p50_s,
            downtime_p95_s, downtime_max_s, gigabytes, not_moved; an unfinished drain is NaN.
        title: title of the figure.
    """
    figure = new_figure(0.32 * len(rows) + 1.7)
    drain, downtime, data = figure.subplots(1, 3, sharey=True)
    places = list(range(len(rows)))[::-1]
    colours = [VERMILLION if left else BLUE for left in rows["not_moved"]]
    drain.barh(places, rows["drain_p50_s"], color=colours, height=0.6)
    drain.hlines(places, rows["drain_low_s"], rows["drain_high_s"], color=GREY, linewidth=2)
    downtime.hlines(places, rows["downtime_p50_s"], rows["downtime_max_s"], color=GREY, linewidth=1)
    for column, marker, name in (
        ("downtime_p50_s", "|", "median"),
        ("downtime_p95_s", "o", "95th percentile"),
        ("downtime_max_s", ">", "longest"),
    ):
        downtime.scatter(rows[column], places, marker=marker, color=colours, s=28, label=name)
    downtime.set_xscale("log")
    downtime.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    downtime.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    downtime.xaxis.set_minor_formatter(NullFormatter())
    data.barh(places, rows["gigabytes"], color=colours, height=0.6)
    drain.set_yticks(places, rows["policy"])
    for ax, label in (
        (drain, "drain time, median (s)"),
        (downtime, "downtime per VM (s)"),
        (data, "data sent per drain (GB)"),
    ):
        _finish(ax, label)
    figure.legend(
        *downtime.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        title="downtime (vermillion: VMs were not drained)",
        title_fontsize=TICK_PT,
        fontsize=TICK_PT,
    )
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    return figure


LABELS = {
    "drain_s": "drain time (s)",
    "downtime_max_s": "longest downtime (s)",
    "fault_stall_max_s": "longest stalls after resume (s)",
    "gigabytes": "data sent (GB)",
    "aborts": "migrations aborted",
    "stayed": "VMs not drained",
}


def draw_presets(rows: pd.DataFrame, title: str) -> Figure:
    """Draw the paired differences between two presets: a panel per figure, a line per drain.

    Args:
        rows: columns place, mode, figure, difference, low, high.
        title: title of the figure.
    """
    figure = new_figure(4.2)
    panels = figure.subplots(2, 3, sharey=True).flatten()
    for ax, (name, label) in zip(panels, LABELS.items(), strict=True):
        chosen = rows[rows["figure"] == name].astype({"difference": float})
        places = list(range(len(chosen)))[::-1]
        ax.axvline(0, color=GREY, linewidth=0.8, linestyle="--")
        ax.hlines(places, chosen["low"].astype(float), chosen["high"].astype(float), color=BLUE)
        ax.scatter(chosen["difference"], places, color=BLUE, s=20)
        ax.set_yticks(places, [f"{row.place},\n{row.mode}" for row in chosen.itertuples()])
        ax.set_ylim(-0.5, len(places) - 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        _finish(ax, label)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    return figure


def _finish(ax: Axes, label: str) -> None:
    ax.set_xlabel(label, fontsize=LABEL_PT)
    ax.grid(visible=True, axis="x", color=PALE_GREY, linewidth=0.5)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=TICK_PT)
    ax.spines[["top", "right"]].set_visible(False)
