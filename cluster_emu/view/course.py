"""The course of one migration: its rounds as a waterfall, and how many pages were left when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cluster_emu.observation.palette import SENT_COLOURS
from cluster_emu.results.rows import Row, named, rows_of
from cluster_emu.transfer.records import Phase
from cluster_emu.view.anatomy import STACKS, check_begun, since_start
from cluster_emu.view.gantt import legend_place
from cluster_emu.view.quantities import TIME_UNITS, best_unit, counted_short, written
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    FAINT_GREY,
    GREY,
    PALE_GREY,
    VERMILLION,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

MOST_ROUNDS = 40
ROOM, NARROW_ROOM = 1.45, 2.1
"""Width of the picture, with what is written beside the bars, over that of the migration."""

ROUND_INCHES = 0.2
REST_INCHES = 1.1
REMAINING_INCHES = 2.8
NARROWEST_SHARE = 0.006
"""Share of the width below which a round's bar would hardly be seen; shorter ones are widened."""


def draw_rounds(
    rounds: pd.DataFrame,
    migration: Row | pd.Series[Any],
    ax: Axes | None = None,
    *,
    max_rounds: int = MOST_ROUNDS,
) -> Axes:
    """Draw the rounds of one migration as a waterfall: one row each, from top to bottom.

    A bar is as wide as its round was long, and divided as the pages that were due: sent, skipped,
    deferred, not reached. What is written beside it counts them and those dirtied meanwhile.

    Args:
        rounds: the table `rounds`.
        migration: the migration's row of the table `migrations`.
        ax: where to draw; a new figure of fitting height by default.
        max_rounds: most rows to draw; of more rounds the middle ones are left out.

    Raises:
        ScenarioError: if the migration never began.
    """
    about = {str(name): value for name, value in migration.items()}
    check_begun(about)
    rows = since_start(rounds[rounds["migration"] == about["migration"]], about["start_s"])
    shown = _ends(rows, max_rounds)
    if ax is None:
        ax = new_figure(max(len(shown), 3) * ROUND_INCHES + REST_INCHES).add_subplot()
    total_s = max(float(rows["end_s"].max()) if len(rows) else 0.0, 1e-9)
    size, unit = best_unit(total_s, TIME_UNITS)
    for place, row in enumerate(rows_of(shown)):
        _draw_round(ax, place, row, total_s, size)
    ax.set_xlim(0, total_s / size * (NARROW_ROOM if look().is_narrow else ROOM))
    ax.set_ylim(max(len(shown), 1) - 0.4, -0.6)
    ax.set_yticks(range(len(shown)), [_name(row) for row in rows_of(shown)])
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8))
    ticks = [tick for tick in ax.get_xticks() if tick <= total_s / size * (1 + 1e-9)]
    ax.set_xticks(ticks)
    ax.set_xlabel(f"Time since the migration began ({unit})", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    left_out = len(rows) - len(shown)
    gap = f"; {counted(left_out, 'round')} in the middle not shown" if left_out else ""
    ax.set_title(folded(_title(about) + gap), fontsize=look().title_pt, loc="left", x=0.0)
    _add_legend(ax, rows)
    return ax


def _ends(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    if len(rows) <= most:
        return rows
    return pd.concat([rows.head(most // 2), rows.tail(most - most // 2)])


def _draw_round(ax: Axes, place: int, row: Row, total_s: float, size: float) -> None:
    """Draw the bar of one round and write its counts beside it."""
    duration_s = max(row["end_s"] - row["start_s"], NARROWEST_SHARE * total_s)
    begin_s = min(row["start_s"], total_s - duration_s)
    due = max(int(row["due"]), 1)
    left_s = begin_s
    if row["due"]:
        for column, colour, _ in STACKS:
            width_s = duration_s * row[column] / due
            chosen = SENT_COLOURS.get(row["phase"], BLUE) if column == "sent" else colour
            ax.barh(
                place,
                width_s / size,
                left=left_s / size,
                height=0.8,
                color=tint(chosen),
                edgecolor=tint(chosen),
                linewidth=0.5 if width_s else 0.0,
            )
            left_s += width_s
    else:
        ax.barh(place, duration_s / size, left=begin_s / size, height=0.8, color=tint(PALE_GREY))
    ax.annotate(
        _counts(row),
        ((begin_s + duration_s) / size, place),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=look().note_pt,
    )


def _counts(row: Row) -> str:
    took = written(row["end_s"] - row["start_s"], TIME_UNITS)
    parts = [] if look().is_narrow else [f"{counted_short(row['sent'])} sent"]
    if row["phase"] == Phase.PRE_COPY.value:
        parts.append(f"{counted_short(row['dirtied'])} dirtied")
    return ": ".join(filter(None, [took, ", ".join(parts)]))


def _name(row: Row) -> str:
    if row["phase"] == Phase.PRE_COPY.value:
        return f"round {row['round']}"
    return "paused" if row["phase"] == Phase.STOP_AND_COPY.value else str(row["phase"])


def _title(migration: Row) -> str:
    return (
        f"Migration {migration['migration']} of "
        f"{literal('VM ' + named(migration, 'vm'))}, {literal(str(migration['strategy']))}: "
        f"{counted(int(migration['rounds']), 'live round')}"
    )


def _add_legend(ax: Axes, rows: pd.DataFrame) -> None:
    live = rows[rows["phase"] == Phase.PRE_COPY.value]
    entries: list[Artist] = [
        Patch(color=tint(colour), label=f"pages {label}")
        for column, colour, label in STACKS
        if live[column].any()
    ]
    for phase, label in (
        (Phase.STOP_AND_COPY, "sent while paused"),
        (Phase.POST_COPY, "sent after resuming"),
    ):
        if (rows["phase"] == phase.value).any():
            entries.append(Patch(color=tint(SENT_COLOURS[phase.value]), label=label))
    ax.legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=legend_place(ax),
        fontsize=look().tick_pt,
        frameon=False,
        ncols=min(len(entries), look().legend_columns),
        handlelength=1.4,
        columnspacing=1.2,
    )


def draw_remaining(
    rounds: pd.DataFrame,
    migration: Row | pd.Series[Any],
    ax: Axes | None = None,
    *,
    stop_pages: float | None = None,
) -> Axes:
    """Draw how many pages one migration still had to send, over time, and where it could stop.

    They are known when a round begins: those due, and those deferred before. In between they are
    joined by straight lines.

    Args:
        rounds: the table `rounds`.
        migration: the migration's row of the table `migrations`.
        ax: where to draw; a new figure by default.
        stop_pages: so many pages, or fewer, let the stop rule end the live rounds; None if it has
            no such threshold.

    Raises:
        ScenarioError: if the migration never began.
    """
    about = {str(name): value for name, value in migration.items()}
    check_begun(about)
    rows = since_start(rounds[rounds["migration"] == about["migration"]], about["start_s"])
    if ax is None:
        ax = new_figure(REMAINING_INCHES).add_subplot()
    times_s, pages = remaining_pages(rows)
    total_s = max(float(times_s[-1]), 1e-9)
    size, unit = best_unit(total_s, TIME_UNITS)
    ax.plot(times_s / size, pages, color=tint(BLUE), marker="o", markersize=3.5, linewidth=1.3)
    _shade_pause(ax, about, size)
    if stop_pages is not None:
        ax.axhline(stop_pages, color=tint(BLACK), linestyle="--", linewidth=0.9)
    ax.set_yscale("symlog", linthresh=1.0, linscale=0.4)
    top = max(float(pages.max()), stop_pages or 0.0, 1.0)
    ax.set_ylim(0, 3 * top)
    ax.set_xlim(0, total_s / size * 1.02)
    ax.set_ylabel("Pages left to send", fontsize=look().label_pt)
    ax.set_xlabel(f"Time since the migration began ({unit})", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.grid(axis="y", color=tint(FAINT_GREY), linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(folded(_title(about)), fontsize=look().title_pt, loc="left")
    entries = [Line2D([], [], color=tint(BLUE), marker="o", markersize=3.5, label="pages left")]
    if stop_pages is not None:
        line = {"color": tint(BLACK), "linestyle": "--", "linewidth": 0.9}
        label = f"stop threshold: {stop_pages:,.0f} pages"
        entries.append(Line2D([], [], label=label, **line))  # type: ignore[arg-type]
    ax.legend(handles=entries, loc="lower left", fontsize=look().tick_pt, frameon=False)
    return ax


def remaining_pages(rows: pd.DataFrame) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return times and the pages left to send then: at each begin of a round, and at the end.

    Args:
        rows: the rows of a migration in the table `rounds`, in order.
    """
    if rows.empty:
        return np.zeros(1), np.zeros(1)
    is_live = rows["phase"].to_numpy() == Phase.PRE_COPY.value
    deferred = rows["deferred"].to_numpy(np.float64)
    # Stop-and-copy and post-copy have all deferred pages among those due.
    before = np.where(is_live, np.cumsum(deferred) - deferred, 0.0)
    left = rows["due"].to_numpy(np.float64) + before
    last = rows.iloc[-1]
    rest = float(left[-1] - last["sent"]) if not is_live[-1] else float(last["dirtied"])
    times_s = np.append(rows["start_s"].to_numpy(np.float64), float(last["end_s"]))
    return times_s, np.append(left, max(rest, 0.0))


def _shade_pause(ax: Axes, migration: Row, size: float) -> None:
    pause_s = float(migration["pause_s"] - migration["start_s"])
    until_s = float(np.nanmin([migration["resume_s"], migration["end_s"]]) - migration["start_s"])
    if np.isfinite(pause_s):
        ax.axvspan(pause_s / size, until_s / size, color=tint(VERMILLION), alpha=0.3, linewidth=0.8)
        ax.annotate(
            f"downtime {written(until_s - pause_s, TIME_UNITS)}",
            (pause_s / size, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-3, -1),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=look().tick_pt,
            color=tint(VERMILLION),
        )
    elif migration["outcome"] != Phase.COMPLETED.value:
        ax.annotate(
            literal(str(migration["outcome"])),
            (1.0, 1.0),
            xycoords="axes fraction",
            ha="right",
            va="top",
            fontsize=look().tick_pt,
            color=tint(GREY),
        )
