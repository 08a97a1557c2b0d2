"""The bars of one stretch of a migration: rounds over time, the dirtied pages, the downtime."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cluster_emu.transfer.records import Phase
from cluster_emu.view.quantities import TIME_UNITS, best_unit, written
from cluster_emu.view.rows import Row, rows_of
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    FAINT_GREY,
    GREEN,
    LABEL_PT,
    NOTE_PT,
    ORANGE,
    PALE_GREY,
    PURPLE,
    TICK_PT,
    VERMILLION,
)
from cluster_emu.view.windows import NARROW_SHARE, Window

THINNEST_SHARE = 0.004

STACKS = (
    ("sent", BLUE, "sent"),
    ("skipped", ORANGE, "skipped"),
    ("deferred", GREEN, "deferred to stop-and-copy"),
    ("unvisited", PALE_GREY, "not reached"),
)
"""Column of the table `rounds`, colour, and name of what became of the pages due."""

SENT_COLOURS = {
    Phase.PRE_COPY.value: BLUE,
    Phase.STOP_AND_COPY.value: VERMILLION,
    Phase.POST_COPY.value: PURPLE,
}


def draw_panel(ax: Axes, rows: pd.DataFrame, migration: Row, window: Window) -> None:
    """Draw what happened within `window`.

    Args:
        ax: where to draw.
        rows: the migration's rows of the table `rounds`, times since its start.
        migration: its row of the table `migrations`.
        window: the stretch to show.
    """
    size, unit = best_unit(window.end_s, TIME_UNITS)
    seen = rows[(rows["end_s"] > window.begin_s) & (rows["start_s"] < window.end_s)]
    whole = seen[(seen["start_s"] >= window.begin_s) & (seen["end_s"] <= window.end_s)]
    _draw_bars(ax, seen, window, size)
    _draw_dirtied(ax, seen, size)
    _number_rounds(ax, seen, window, size)
    _draw_downtime(ax, migration, window, size)
    tallest = _tallest(whole) or _tallest(seen) or 1
    ax.set_xlim(window.begin_s / size, window.end_s / size)
    ax.set_ylim(0, 1.22 * tallest)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_ylabel("Pages", fontsize=LABEL_PT)
    ax.set_xlabel(f"Time since the migration began ({unit})", fontsize=LABEL_PT)
    ax.tick_params(labelsize=TICK_PT)
    ax.spines[["top", "right"]].set_visible(False)


def _tallest(rows: pd.DataFrame) -> int:
    return int(rows[["due", "dirtied"]].to_numpy().max(initial=0))


def _draw_bars(ax: Axes, rows: pd.DataFrame, window: Window, size: float) -> None:
    """Stack what became of the pages due; a round that took next to no time is a line."""
    thin = rows["end_s"] - rows["start_s"] < THINNEST_SHARE * window.duration_s
    _stack(ax, rows[~thin], size, rim=None)
    _stack(ax, rows[thin], size, rim=1.5)


def _stack(ax: Axes, rows: pd.DataFrame, size: float, rim: float | None) -> None:
    """Draw bars with a rim of their own colour `rim` points wide, or with a fine white one."""
    left = rows["start_s"] / size
    bottom = np.zeros(len(rows))
    for column, colour, _ in STACKS:
        colours = rows["phase"].map(SENT_COLOURS) if column == "sent" else [colour] * len(rows)
        ax.bar(
            left,
            rows[column],
            rows["end_s"] / size - left,
            bottom,
            align="edge",
            color=list(colours),
            edgecolor="white" if rim is None else list(colours),
            linewidth=np.where(rows[column] > 0, rim or 0.4, 0.0),
            label=column,
        )
        bottom += rows[column].to_numpy()


def _draw_dirtied(ax: Axes, rows: pd.DataFrame, size: float) -> None:
    live = rows[rows["phase"] == Phase.PRE_COPY.value]
    ax.plot(
        live["end_s"] / size,
        live["dirtied"],
        color=BLACK,
        marker="o",
        markersize=3.5,
        linewidth=0.8,
        linestyle=":",
        label="dirtied",
    )


def _number_rounds(ax: Axes, rows: pd.DataFrame, window: Window, size: float) -> None:
    """Write each round's number above its bar, where there is room for it."""
    for row in rows_of(rows[rows["phase"] == Phase.PRE_COPY.value]):
        begin_s, end_s = row["start_s"], row["end_s"]
        wide = end_s - begin_s >= NARROW_SHARE * window.duration_s
        if wide and begin_s >= window.begin_s and end_s <= window.end_s:
            ax.annotate(
                str(row["round"]),
                ((begin_s + end_s) / 2 / size, row["due"]),
                xytext=(0, 1),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=NOTE_PT,
            )


def _draw_downtime(ax: Axes, migration: Row, window: Window, size: float) -> None:
    """Mark how long the VM stood still, up to its resume or the end of the migration."""
    pause_s = float(migration["pause_s"] - migration["start_s"])
    until_s = float(np.nanmin([migration["resume_s"], migration["end_s"]]) - migration["start_s"])
    if not np.isfinite(pause_s) or until_s < window.begin_s or pause_s > window.end_s:
        return
    ax.axvspan(pause_s / size, until_s / size, color=VERMILLION, alpha=0.25, linewidth=0.8)
    seen_s = max(pause_s, window.begin_s)
    late = seen_s > window.begin_s + window.duration_s / 2
    ax.annotate(
        f"downtime {written(until_s - pause_s, TIME_UNITS)}",
        (seen_s / size, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-3, -1) if late else (3, -1),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
        fontsize=TICK_PT,
        color=VERMILLION,
    )


def mark_enlarged(ax: Axes, window: Window) -> None:
    """Say on a panel which part of it the next one enlarges."""
    size, _ = best_unit(ax.get_xlim()[1], TIME_UNITS)
    ax.axvspan(window.begin_s / size, window.end_s / size, color=FAINT_GREY, zorder=0)
