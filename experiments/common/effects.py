"""A figure of paired differences over an axis: a panel per metric, a marker per line."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from cluster_emu import metric_catalogue
from cluster_emu.view.style import (
    BLUE,
    GREEN,
    GREY,
    LABEL_PT,
    ORANGE,
    PALE_GREY,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    new_figure,
)

LOOKS = ((BLUE, "^"), (VERMILLION, "o"), (GREEN, "D"), (ORANGE, "s"))


def draw_effects(rows: pd.DataFrame, names: Sequence[str], intensity: str, title: str) -> Figure:
    """Draw differences in percent against the write intensity of idle VMs.

    Args:
        rows: columns metric, line (its name), percent, low_percent, high_percent, and the axis.
        names: the metrics.
        intensity: column of the write intensity of a VM that wants no CPU.
        title: title of the figure.
    """
    figure = new_figure(3.8)
    levels = sorted(rows[intensity].unique())
    for ax, name in zip(figure.subplots(1, len(names)), names, strict=True):
        chosen = rows[rows["metric"] == name]
        ax.axhline(0, color=GREY, linewidth=0.8, linestyle="--")
        for number, ((line, group), (colour, marker)) in enumerate(
            zip(chosen.groupby("line", sort=False), LOOKS, strict=False)
        ):
            ordered = group.sort_values(intensity)
            # Places side by side, so that no interval covers another.
            places = [levels.index(each) + 0.15 * (number - 1.5) for each in ordered[intensity]]
            ax.vlines(places, ordered["low_percent"], ordered["high_percent"], color=colour)
            ax.plot(places, ordered["percent"], marker, color=colour, markersize=5, label=str(line))
        ax.set_xticks(range(len(levels)), [f"{each:g}" for each in levels])
        ax.set_xlim(-0.5, len(levels) - 0.5)
        ax.set_title(metric_catalogue[name].label, fontsize=LABEL_PT, wrap=True)
        ax.grid(visible=True, axis="y", color=PALE_GREY, linewidth=0.5)
        ax.tick_params(labelsize=TICK_PT)
        ax.spines[["top", "right"]].set_visible(False)
    first = figure.axes[0]
    first.set_ylabel("difference (%)", fontsize=LABEL_PT)
    middle = figure.axes[len(names) // 2]
    middle.set_xlabel("write intensity of a VM that wants no CPU", fontsize=LABEL_PT)
    figure.suptitle(title, fontsize=TITLE_PT, x=0.01, ha="left")
    lines, labels = first.get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=2, fontsize=LABEL_PT)
    return figure
