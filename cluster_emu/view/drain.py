"""Hosts being emptied: the VMs left on them over time, and every migration."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cluster_emu.transfer.records import Phase
from cluster_emu.view.gantt import draw_gantt
from cluster_emu.view.quantities import TIME_UNITS, clock, written
from cluster_emu.view.style import (
    BLACK,
    VERMILLION,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

LEFT_INCHES = 0.9
LANE_INCHES = 0.16
LEAST_INCHES = 1.6
MOST_INCHES = 5.2
REST_INCHES = 1.1


def draw_drain(
    migrations: pd.DataFrame,
    rounds: pd.DataFrame,
    figure: Figure | None = None,
    *,
    drain_s: float,
    which: str = "",
) -> Figure:
    """Draw the VMs left on the hosts over time, and under it one lane per migration.

    The panels are `draw_vms_left` and `draw_gantt`.

    Args:
        migrations: the table `migrations` of a drain.
        rounds: the table `rounds`.
        figure: an empty figure to draw in; a new one of fitting height by default.
        drain_s: when the hosts were empty, inf if they never were.
        which: which of several drains it is, in words.
    """
    lanes = max(len(migrations), 1)
    height = min(max(lanes * LANE_INCHES, LEAST_INCHES), MOST_INCHES)
    if figure is None:
        figure = new_figure(LEFT_INCHES + height + REST_INCHES)
    left, gantt = figure.subplots(2, 1, sharex=True, height_ratios=[LEFT_INCHES, height])
    draw_gantt(migrations, rounds, gantt, max_lanes=lanes)
    gantt.set_title("", loc="left")
    draw_vms_left(migrations, left, drain_s=drain_s)
    left.set_xlabel("")
    left.tick_params(labelbottom=False)
    figure.suptitle(
        folded(_title(migrations, drain_s, which)), fontsize=look().title_pt, x=0.01, ha="left"
    )
    return figure


def draw_vms_left(
    migrations: pd.DataFrame, ax: Axes | None = None, *, drain_s: float = math.inf
) -> Axes:
    """Draw how many VMs are left on hosts that are emptied, over time.

    Args:
        migrations: the table `migrations` of a drain.
        ax: where to draw; a new figure by default.
        drain_s: when the hosts were empty, which a line marks; inf if they never were.
    """
    if ax is None:
        ax = new_figure(LEFT_INCHES + REST_INCHES).add_subplot()
    completed = migrations[migrations["outcome"] == Phase.COMPLETED.value]
    gone_s = np.sort(completed["end_s"].to_numpy(dtype=np.float64))
    count = migrations["vm"].nunique()
    times = np.concatenate([[0.0], gone_s])
    ax.step(times, count - np.arange(len(times)), where="post", color=tint(BLACK), linewidth=1.3)
    if math.isfinite(drain_s):
        ax.axvline(drain_s, color=tint(VERMILLION), linewidth=1.0, linestyle="--")
    ax.set_ylim(0, 1.1 * max(count, 1))
    ax.set_yticks(sorted({0, count // 2, count}))
    ax.set_ylabel("VMs left", fontsize=look().label_pt)
    ax.set_xlabel("Simulated time (s)", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _title(migrations: pd.DataFrame, drain_s: float, which: str) -> str:
    hosts = counted(migrations["source"].nunique(), "host")
    vms = counted(migrations["vm"].nunique(), "VM")
    over = f"empty after {clock(drain_s)}" if math.isfinite(drain_s) else "never empty"
    longest_s = migrations.groupby("vm")["interrupted_s"].sum().max()
    cost = ""
    if longest_s > 0:
        cost = f", service interrupted for at most {written(longest_s, TIME_UNITS)}"
    return f"{vms} leave {hosts}, {over}{cost}" + (f" ({literal(which)})" if which else "")
