"""One migration in detail: what every round sent, and when the VM was paused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cluster_emu.errors import ScenarioError
from cluster_emu.observation.palette import ROUND_COLOURS, SENT_COLOURS
from cluster_emu.results.rows import Row, named, rows_of
from cluster_emu.transfer.records import Phase
from cluster_emu.view.captions import add_legend_below
from cluster_emu.view.quantities import BYTE_UNITS, TIME_UNITS, best_unit, written
from cluster_emu.view.style import (
    BLACK,
    FAINT_GREY,
    PALE_GREY,
    PURPLE,
    VERMILLION,
    WHITE,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

MOST_WINDOWS = 4
NARROW_SHARE = 0.019
"""Share of a panel's width below which a round is too narrow to number."""
WORTHWHILE_SHARE = 0.3
MARGIN_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class Window:
    """A time interval, in seconds since the migration began."""

    begin_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.end_s - self.begin_s


def windows_of(rounds: pd.DataFrame, total_s: float) -> list[Window]:
    """Return the whole migration and, each inside the one before, what to enlarge.

    Enlarged are the rounds that had pages to send but take too little of the width to be seen; all
    of them together where they are close to each other, else those after the last wide one. The
    stop alone is not enlarged: its length is written next to it.

    Args:
        rounds: the migration's rows of the table `rounds` in order, times since its start.
        total_s: how long it took.
    """
    windows = [Window(0.0, total_s)]
    while len(windows) < MOST_WINDOWS:
        inner = _to_enlarge(rounds, windows[-1])
        if inner is None:
            break
        windows.append(inner)
    return windows


def _to_enlarge(rounds: pd.DataFrame, window: Window) -> Window | None:
    inside = rounds[(rounds["start_s"] >= window.begin_s) & (rounds["end_s"] <= window.end_s)]
    busy = inside[inside["due"] > 0]
    narrow = (busy["end_s"] - busy["start_s"]) < NARROW_SHARE * window.duration_s
    late = narrow[::-1].cummin()[::-1]
    for chosen in (busy[narrow], busy[late]):
        duration_s = float(chosen["end_s"].max() - chosen["start_s"].min())
        only_stop = (chosen["phase"] == Phase.STOP_AND_COPY.value).all()
        if not only_stop and 0 < duration_s <= WORTHWHILE_SHARE * window.duration_s:
            return _around(chosen, window)
    return None


def _around(rounds: pd.DataFrame, window: Window) -> Window:
    """Return the time interval of the rounds with a margin, inside `window`."""
    begin_s, end_s = float(rounds["start_s"].min()), float(rounds["end_s"].max())
    margin_s = MARGIN_SHARE * (end_s - begin_s)
    return Window(max(begin_s - margin_s, window.begin_s), min(end_s + margin_s, window.end_s))


THINNEST_SHARE = 0.004

STACKS = (
    ("sent", ROUND_COLOURS["sent"], "sent"),
    ("skipped", ROUND_COLOURS["skipped"], "skipped"),
    ("deferred", ROUND_COLOURS["deferred"], "deferred to stop-and-copy"),
    ("unvisited", ROUND_COLOURS["unvisited"], "not reached"),
)
"""Column of the table `rounds`, colour, and name of what was done with the pages due."""


def draw_panel(ax: Axes, rows: pd.DataFrame, migration: Row, window: Window) -> None:
    """Draw the part of a migration that is within `window`.

    Args:
        ax: where to draw.
        rows: the migration's rows of the table `rounds`, times since its start.
        migration: its row of the table `migrations`.
        window: the time interval to show.
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
    ax.set_ylabel("Pages", fontsize=look().label_pt)
    ax.set_xlabel(f"Time since the migration began ({unit})", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.spines[["top", "right"]].set_visible(False)


def _tallest(rows: pd.DataFrame) -> int:
    return int(rows[["due", "dirtied"]].to_numpy().max(initial=0))


def _draw_bars(ax: Axes, rows: pd.DataFrame, window: Window, size: float) -> None:
    """Stack what was done with the pages due; a very short round is a line."""
    thin = rows["end_s"] - rows["start_s"] < THINNEST_SHARE * window.duration_s
    _stack(ax, rows[~thin], size, rim=None)
    _stack(ax, rows[thin], size, rim=1.5)


def _stack(ax: Axes, rows: pd.DataFrame, size: float, rim: float | None) -> None:
    """Draw bars with a rim of their own colour `rim` points wide, or with a fine white one."""
    left = rows["start_s"] / size
    bottom = np.zeros(len(rows))
    for column, colour, _ in STACKS:
        colours = (
            rows["phase"].map(SENT_COLOURS).map(tint)
            if column == "sent"
            else [tint(colour)] * len(rows)
        )
        ax.bar(
            left,
            rows[column],
            rows["end_s"] / size - left,
            bottom,
            align="edge",
            color=list(colours),
            edgecolor=tint(WHITE) if rim is None else list(colours),
            linewidth=np.where(rows[column] > 0, rim or 0.4, 0.0),
            label=column,
        )
        bottom += rows[column].to_numpy()


def _draw_dirtied(ax: Axes, rows: pd.DataFrame, size: float) -> None:
    live = rows[rows["phase"] == Phase.PRE_COPY.value]
    ax.plot(
        live["end_s"] / size,
        live["dirtied"],
        color=tint(BLACK),
        marker="o",
        markersize=3.5,
        linewidth=0.8,
        linestyle=":",
        label="dirtied",
    )


def _number_rounds(ax: Axes, rows: pd.DataFrame, window: Window, size: float) -> None:
    """Write each round's number above its bar, where there is space for it."""
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
                fontsize=look().note_pt,
            )


def _draw_downtime(ax: Axes, migration: Row, window: Window, size: float) -> None:
    """Mark how long the VM was paused, up to its resume or the end of the migration."""
    pause_s = float(migration["pause_s"] - migration["start_s"])
    until_s = float(np.nanmin([migration["resume_s"], migration["end_s"]]) - migration["start_s"])
    if not np.isfinite(pause_s) or until_s < window.begin_s or pause_s > window.end_s:
        return
    ax.axvspan(pause_s / size, until_s / size, color=tint(VERMILLION), alpha=0.25, linewidth=0.8)
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
        fontsize=look().tick_pt,
        color=tint(VERMILLION),
    )


def mark_enlarged(ax: Axes, window: Window) -> None:
    """Mark the part of a panel that the next one enlarges."""
    size, _ = best_unit(ax.get_xlim()[1], TIME_UNITS)
    ax.axvspan(window.begin_s / size, window.end_s / size, color=tint(FAINT_GREY), zorder=0)


PANEL_INCHES = 1.75
TITLE_AND_LEGEND_INCHES = 1.0


def draw_anatomy(
    rounds: pd.DataFrame, migration: Row | pd.Series[Any], figure: Figure | None = None
) -> Figure:
    """Draw the rounds of one migration as bars over time, then its downtime and post-copy phase.

    A bar is as wide as its round was long and as high as the pages that were due; a dot at its end
    shows how many pages were dirtied meanwhile. Rounds too short to see are shown again below on a
    time axis of their own, up to three times. Each panel is a `draw_anatomy_panel`.

    Args:
        rounds: the table `rounds`.
        migration: the migration's row of the table `migrations`.
        figure: an empty figure to draw in; a new one by default.

    Raises:
        ScenarioError: if the migration never began.
    """
    about = {str(name): value for name, value in migration.items()}
    check_begun(about)
    rows = since_start(rounds[rounds["migration"] == about["migration"]], about["start_s"])
    windows = windows_of(rows, about["total_time_s"])
    if figure is None:
        figure = new_figure(PANEL_INCHES * len(windows) + TITLE_AND_LEGEND_INCHES)
    panels = figure.subplots(len(windows), 1, squeeze=False)[:, 0]
    for panel, window in zip(panels, windows, strict=True):
        draw_panel(panel, rows, about, window)
    for panel, window in zip(panels, windows[1:], strict=False):
        mark_enlarged(panel, window)
    figure.suptitle(folded(_title(about)), fontsize=look().title_pt, x=0.01, ha="left")
    entries = _legend(rows, enlarged=len(windows) > 1)
    figure.legend(
        handles=entries,
        loc="outside lower center",
        ncols=min(_columns(len(entries)), look().legend_columns),
        frameon=False,
        fontsize=look().tick_pt,
        handlelength=1.4,
    )
    return figure


def draw_anatomy_panel(
    rounds: pd.DataFrame,
    migration: Row | pd.Series[Any],
    ax: Axes | None = None,
    *,
    begin_s: float = 0.0,
    end_s: float | None = None,
) -> Axes:
    """Draw the rounds of one migration within a time interval, as one panel of `draw_anatomy`.

    Args:
        rounds: the table `rounds`.
        migration: the migration's row of the table `migrations`.
        ax: where to draw; a new figure by default.
        begin_s: begin of the interval, since the migration began.
        end_s: its end; that of the migration by default.

    Raises:
        ScenarioError: if the migration never began.
    """
    about = {str(name): value for name, value in migration.items()}
    check_begun(about)
    rows = since_start(rounds[rounds["migration"] == about["migration"]], about["start_s"])
    if ax is None:
        ax = new_figure(PANEL_INCHES + TITLE_AND_LEGEND_INCHES).add_subplot()
    until_s = float(about["total_time_s"]) if end_s is None else end_s
    draw_panel(ax, rows, about, Window(begin_s, until_s))
    entries = _legend(rows, enlarged=False)
    columns = min(_columns(len(entries)), look().legend_columns)
    add_legend_below(ax, entries, columns=columns)
    return ax


def _columns(entries: int) -> int:
    return entries if entries <= 4 else 3


def check_begun(migration: Row) -> None:
    """Refuse a migration that never began."""
    if not np.isfinite(migration["start_s"]):
        allowed = f"a migration that has begun (this one: {migration['outcome']})"
        raise ScenarioError("migration", migration["migration"], allowed)


def since_start(rounds: pd.DataFrame, start_s: float) -> pd.DataFrame:
    """Return the rows in order, their times counted from the migration's start."""
    in_order = rounds.sort_values("start_s", kind="stable")
    return in_order.assign(start_s=in_order["start_s"] - start_s, end_s=in_order["end_s"] - start_s)


def _title(migration: Row) -> str:
    total = written(float(migration["total_time_s"]), TIME_UNITS)
    rounds = counted(migration["rounds"], "live round")
    sent = written(float(migration["bytes"]), BYTE_UNITS)
    stalls_s = float(migration["fault_stall_s"])
    stalled = f", stalled for {written(stalls_s, TIME_UNITS)} after" if stalls_s > 0 else ""
    return (
        f"Migration {migration['migration']}: "
        f"{literal('VM ' + named(migration, 'vm'))} "
        f"from host {literal(named(migration, 'source'))} "
        f"to host {literal(named(migration, 'target'))}, {literal(str(migration['strategy']))}\n"
        f"{total}, {rounds}, {sent}{stalled}; {_ending(migration)}"
    )


def _ending(migration: Row) -> str:
    outcome, why = str(migration["outcome"]), str(migration["why"])
    return literal(f"{outcome} ({why})" if why else outcome)


def _legend(rows: pd.DataFrame, *, enlarged: bool) -> list[Artist]:
    """Return the entries of the legend for what the picture shows."""
    live = rows[rows["phase"] == Phase.PRE_COPY.value]
    stopped = rows[rows["phase"] == Phase.STOP_AND_COPY.value]
    entries: list[Artist] = [
        Patch(color=tint(colour), label=label)
        for column, colour, label in STACKS
        if live[column].any()
    ]
    if len(live):
        dots = Line2D([], [], color=tint(BLACK), marker="o", markersize=3.5, linestyle=":")
        dots.set_label("dirtied in the round")
        entries.append(dots)
    if len(stopped):
        entries.append(Patch(color=tint(VERMILLION), alpha=0.25, label="VM paused (downtime)"))
    if stopped["sent"].any():
        entries.append(Patch(color=tint(VERMILLION), label="sent while paused"))
    if Phase.POST_COPY.value in set(rows["phase"]):
        entries.append(Patch(color=tint(PURPLE), label="sent after resuming (post-copy)"))
    if enlarged:
        entries.append(
            Patch(facecolor=tint(FAINT_GREY), edgecolor=tint(PALE_GREY), label="enlarged below")
        )
    return entries
