"""A maintenance campaign: which hosts serve, are emptied and reboot, over time."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from cluster_emu.maintenance import HostPhase
from cluster_emu.view.quantities import clock
from cluster_emu.view.style import (
    BLUE,
    FAINT_GREY,
    LABEL_PT,
    NOTE_PT,
    ORANGE,
    TICK_PT,
    TITLE_PT,
    VERMILLION,
    literal,
    new_figure,
)
from cluster_emu.wording import counted

LANE_INCHES = 0.14
LEAST_INCHES = 1.2
MOST_INCHES = 9.0
REST_INCHES = 1.2
MOST_LABELS = 60
KINDS = {"serving": FAINT_GREY, "draining": ORANGE, "rebooting": BLUE, "not back": VERMILLION}


def draw_maintenance(
    hosts: pd.DataFrame, figure: Figure | None = None, *, which: str = ""
) -> Figure:
    """Draw one lane per host of a campaign.

    Args:
        hosts: the table `maintenance` of a run, with a column `name` if hosts have names.
        figure: an empty figure to draw in; a new one of fitting height by default.
        which: which of several campaigns it is, in words.
    """
    lanes = max(len(hosts), 1)
    if figure is None:
        height = min(max(lanes * LANE_INCHES, LEAST_INCHES), MOST_INCHES)
        figure = new_figure(height + REST_INCHES)
    ax = figure.subplots()
    times = hosts[["drain_s", "reboot_s", "back_s"]].to_numpy(dtype=np.float64)
    end_s = (float(np.nanmax(times)) if np.isfinite(times).any() else 0.0) or 1.0
    for lane, row in enumerate(hosts.itertuples()):
        _draw_lane(ax, lane, row, end_s)
    names = hosts["name"] if "name" in hosts else hosts["host"].astype(str)
    step = math.ceil(lanes / MOST_LABELS)
    ax.set_yticks(range(0, lanes, step), [literal(name) for name in names.iloc[::step]])
    ax.set_ylim(lanes - 0.4, -0.6)
    ax.set_xlim(0, end_s)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda time_s, _: clock(time_s)))
    ax.set_xlabel("time since the start of the run", fontsize=LABEL_PT)
    ax.set_ylabel("host", fontsize=LABEL_PT)
    ax.tick_params(labelsize=TICK_PT if lanes <= 30 else NOTE_PT)
    ax.spines[["top", "right"]].set_visible(False)
    seen = [kind for kind in KINDS if kind != "not back" or (hosts["phase"] == kind).any()]
    figure.legend(
        handles=[Patch(facecolor=KINDS[kind], label=kind) for kind in seen],
        loc="outside lower center",
        ncols=len(seen),
        fontsize=NOTE_PT,
        frameon=False,
    )
    figure.suptitle(_title(hosts, end_s, which), fontsize=TITLE_PT, x=0.01, ha="left")
    return figure


def _draw_lane(ax: Axes, lane: int, row: object, end_s: float) -> None:
    drain_s, reboot_s, back_s = (getattr(row, name) for name in ("drain_s", "reboot_s", "back_s"))
    phase = getattr(row, "phase")  # noqa: B009
    ax.barh(lane, end_s, height=0.8, color=KINDS["serving"])
    if math.isnan(drain_s) or phase == HostPhase.BLOCKED.value:
        return
    until_s = end_s if math.isnan(reboot_s) else reboot_s
    ax.barh(lane, until_s - drain_s, left=drain_s, height=0.8, color=KINDS["draining"])
    if not math.isnan(reboot_s):
        kind = "not back" if phase == HostPhase.NOT_BACK.value else "rebooting"
        until_s = end_s if math.isnan(back_s) else back_s
        ax.barh(lane, until_s - reboot_s, left=reboot_s, height=0.8, color=KINDS[kind])


def _title(hosts: pd.DataFrame, end_s: float, which: str) -> str:
    done = int((hosts["phase"] == HostPhase.DONE.value).sum())
    back = f"all are back after {clock(end_s)}"
    if done < len(hosts):
        back = f"{done} of them are back after {clock(end_s)}"
    return f"{counted(len(hosts), 'host')} rebooted, {back}" + (
        f" ({literal(which)})" if which else ""
    )
