"""The sensitivity of a study: which factor explains how much of the variance of a figure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.view.style import (
    BLUE,
    GREY,
    PALE_GREY,
    SKY_BLUE,
    folded,
    literal,
    look,
    new_figure,
    tint,
)

FIRST = "factor"
"""The column before which a table of shares says what group its rows are of."""
PARTS = {
    "first": ("alone", BLUE, -0.19),
    "total": ("with its interactions", SKY_BLUE, 0.19),
}
MOST_COLUMNS = 3
FACTOR_INCHES, PANEL_INCHES, REST_INCHES = 0.36, 0.7, 1.0
SHARE = "share of the variance (%)"


def draw_sensitivity(shares: pd.DataFrame, metric: str, figure: Figure | None = None) -> Figure:
    """Draw two bars per factor, its share alone and with its interactions; a panel per group.

    Each panel is a `draw_sensitivity_panel`.

    Args:
        shares: one row per group and factor, as `Sensitivity.to_frame` gives: columns of the group,
            factor, first, first_low, first_high, total, total_low, total_high.
        metric: the figure whose variance is explained; another text stands as it is.
        figure: an empty figure to draw in; a new one of fitting height by default.
    """
    groups = list(_groups(shares))
    columns = 2 if len(groups) == 4 else min(len(groups), MOST_COLUMNS)
    rows = -(-len(groups) // columns)
    most = max(len(table) for _, table in groups)
    if figure is None:
        figure = new_figure(rows * (FACTOR_INCHES * most + PANEL_INCHES) + REST_INCHES)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for ax, (title, table) in zip(panels, groups, strict=False):
        draw_sensitivity_panel(table, ax)
        ax.get_legend().remove()
        ax.set_xlabel("")
        ax.set_title(literal(title), fontsize=look().tick_pt)
    for ax in panels[len(groups) :]:
        ax.set_visible(False)
    for ax in panels[max(len(groups) - columns, 0) : len(groups)]:
        ax.set_xlabel(SHARE, fontsize=look().label_pt)
        ax.tick_params(labelbottom=True)
    label = metric_catalogue[metric].label if metric in metric_catalogue else literal(metric)
    figure.suptitle(
        folded(f"What the variance of {label} comes from (lines: 95 % intervals)"),
        fontsize=look().title_pt,
        x=0.01,
        ha="left",
    )
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=look().label_pt)
    return figure


def _groups(shares: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    place = list(shares.columns[: list(shares).index(FIRST)])
    if not place:
        yield "", shares
        return
    for values, table in shares.groupby(place, sort=False, dropna=False):
        texts = values if isinstance(values, tuple) else (values,)
        yield ", ".join(map(str, texts)), table


def draw_sensitivity_panel(shares: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw two bars per factor: its share of a variance alone, and with its interactions.

    Args:
        shares: one row per factor, as `Sensitivity.to_frame` gives of one group: factor, first,
            first_low, first_high, total, total_low, total_high.
        ax: where to draw; a new figure of fitting height by default.
    """
    if ax is None:
        ax = new_figure(FACTOR_INCHES * len(shares) + PANEL_INCHES).add_subplot()
    places = np.arange(len(shares))
    for name, (label, colour, shift) in PARTS.items():
        share = 100 * shares[name].to_numpy(dtype=float)
        ends = [100 * shares[f"{name}_{end}"].to_numpy(dtype=float) for end in ("low", "high")]
        ax.barh(places + shift, np.nan_to_num(share), height=0.36, color=tint(colour), label=label)
        known = ~np.isnan(ends[0])
        ax.hlines((places + shift)[known], ends[0][known], ends[1][known], color=tint(GREY))
    ax.set_yticks(places, [literal(str(name)) for name in shares["factor"]])
    ax.set_ylim(len(shares) - 0.5, -0.5)
    ax.set_xlim(min(0.0, ax.get_xlim()[0]), max(100.0, ax.get_xlim()[1]))
    ax.grid(visible=True, axis="x", color=tint(PALE_GREY), linewidth=0.5)
    ax.set_axisbelow(True)
    ax.set_xlabel(SHARE, fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=look().tick_pt)
    return ax
