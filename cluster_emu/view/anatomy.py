"""One migration taken apart: what every round sent, and when the VM stood still."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cluster_emu.errors import ScenarioError
from cluster_emu.transfer.records import Phase
from cluster_emu.view.anatomy_panel import STACKS, draw_panel, mark_enlarged
from cluster_emu.view.quantities import BYTE_UNITS, TIME_UNITS, counted, written
from cluster_emu.view.rows import Row
from cluster_emu.view.style import (
    BLACK,
    FAINT_GREY,
    PALE_GREY,
    PURPLE,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    new_figure,
)
from cluster_emu.view.windows import windows_of

PANEL_INCHES = 1.75
ROOM_FOR_TITLE_AND_LEGEND_INCHES = 1.0


def draw_anatomy(
    rounds: pd.DataFrame, migration: Row | pd.Series[Any], figure: Figure | None = None
) -> Figure:
    """Draw the rounds of one migration as bars over time, then its downtime and post-copy phase.

    A bar is as wide as its round was long and as high as the pages that were due; a dot at its end
    says how many pages were dirtied meanwhile. Rounds too short to see are shown again below on a
    time axis of their own, up to three times.

    Args:
        rounds: the table `rounds`.
        migration: the migration's row of the table `migrations`.
        figure: an empty figure to draw in; a new one by default.

    Raises:
        ScenarioError: if the migration never began.
    """
    about = {str(name): value for name, value in migration.items()}
    _check_begun(about)
    rows = _since_start(rounds[rounds["migration"] == about["migration"]], about["start_s"])
    windows = windows_of(rows, about["total_time_s"])
    if figure is None:
        figure = new_figure(PANEL_INCHES * len(windows) + ROOM_FOR_TITLE_AND_LEGEND_INCHES)
    panels = figure.subplots(len(windows), 1, squeeze=False)[:, 0]
    for panel, window in zip(panels, windows, strict=True):
        draw_panel(panel, rows, about, window)
    for panel, window in zip(panels, windows[1:], strict=False):
        mark_enlarged(panel, window)
    figure.suptitle(_title(about), fontsize=TITLE_PT, x=0.01, ha="left")
    entries = _legend(rows, enlarged=len(windows) > 1)
    figure.legend(
        handles=entries,
        loc="outside lower center",
        ncols=len(entries) if len(entries) <= 4 else 3,
        frameon=False,
        fontsize=TICK_PT,
        handlelength=1.4,
    )
    return figure


def _check_begun(migration: Row) -> None:
    if not np.isfinite(migration["start_s"]):
        allowed = f"a migration that has begun (this one: {migration['outcome']})"
        raise ScenarioError("migration", migration["migration"], allowed)


def _since_start(rounds: pd.DataFrame, start_s: float) -> pd.DataFrame:
    """Return the rows in order, their times counted from the migration's start."""
    in_order = rounds.sort_values("start_s", kind="stable")
    return in_order.assign(start_s=in_order["start_s"] - start_s, end_s=in_order["end_s"] - start_s)


def _title(migration: Row) -> str:
    total = written(float(migration["total_time_s"]), TIME_UNITS)
    rounds = counted(migration["rounds"], "live round")
    sent = written(float(migration["bytes"]), BYTE_UNITS)
    return (
        f"Migration {migration['migration']}: VM {migration['vm']} from host {migration['source']} "
        f"to host {migration['target']}, {migration['strategy']}\n"
        f"{total}, {rounds}, {sent}; {_ending(migration)}"
    )


def _ending(migration: Row) -> str:
    outcome, why = str(migration["outcome"]), str(migration["why"])
    return f"{outcome} ({why})" if why else outcome


def _legend(rows: pd.DataFrame, *, enlarged: bool) -> list[Artist]:
    """Name what occurs in the picture, and nothing else."""
    live = rows[rows["phase"] == Phase.PRE_COPY.value]
    stopped = rows[rows["phase"] == Phase.STOP_AND_COPY.value]
    entries: list[Artist] = [
        Patch(color=colour, label=label) for column, colour, label in STACKS if live[column].any()
    ]
    if len(live):
        dots = Line2D([], [], color=BLACK, marker="o", markersize=3.5, linestyle=":")
        dots.set_label("dirtied in the round")
        entries.append(dots)
    if len(stopped):
        entries.append(Patch(color=VERMILLION, alpha=0.25, label="VM paused (downtime)"))
    if stopped["sent"].any():
        entries.append(Patch(color=VERMILLION, label="sent while paused"))
    if Phase.POST_COPY.value in set(rows["phase"]):
        entries.append(Patch(color=PURPLE, label="sent after resuming (post-copy)"))
    if enlarged:
        entries.append(Patch(facecolor=FAINT_GREY, edgecolor=PALE_GREY, label="enlarged below"))
    return entries
