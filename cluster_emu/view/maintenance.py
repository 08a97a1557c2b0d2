"""A maintenance campaign: which hosts serve, are emptied and reboot, over time."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from cluster_emu.maintenance import HostPhase
from cluster_emu.view.captions import add_title_and_legend
from cluster_emu.view.quantities import TIME_UNITS, best_unit, written
from cluster_emu.view.style import (
    BLUE,
    FAINT_GREY,
    GREY,
    ORANGE,
    VERMILLION,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

LANE_INCHES = 0.14
LEAST_INCHES = 1.2
MOST_INCHES = 9.0
REST_INCHES = 1.2
MOST_LABELS = 60
KINDS = {
    "serving": FAINT_GREY,
    "draining": ORANGE,
    "rebooting": BLUE,
    "not back": VERMILLION,
    "blocked": GREY,
}
RARE = ("not back", "blocked")


def draw_maintenance(hosts: pd.DataFrame, ax: Axes | None = None, *, which: str = "") -> Axes:
    """Draw one lane per host of a campaign.

    Args:
        hosts: the table `maintenance` of a run, with a column `name` if hosts have names.
        ax: where to draw; a new figure of fitting height by default.
        which: which of several campaigns it is, in words.
    """
    lanes = max(len(hosts), 1)
    is_alone = ax is None
    if ax is None:
        height = min(max(lanes * LANE_INCHES, LEAST_INCHES), MOST_INCHES)
        ax = new_figure(height + REST_INCHES).add_subplot()
    times = hosts[["drain_s", "reboot_s", "back_s", "blocked_s"]].to_numpy(dtype=np.float64)
    end_s = (float(np.nanmax(times)) if np.isfinite(times).any() else 0.0) or 1.0
    for lane, row in enumerate(hosts.itertuples()):
        _draw_lane(ax, lane, row, end_s)
    names = hosts["name"] if "name" in hosts else hosts["host"].astype(str)
    step = math.ceil(lanes / MOST_LABELS)
    ax.set_yticks(range(0, lanes, step), [literal(name) for name in names.iloc[::step]])
    ax.set_ylim(lanes - 0.4, -0.6)
    ax.set_xlim(0, end_s)
    size, unit = best_unit(end_s, TIME_UNITS)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda time_s, _: f"{time_s / size:g}"))
    ax.xaxis.set_major_locator(MultipleLocator(size * _step(end_s / size)))
    ax.set_xlabel(f"Time since the start of the run ({unit})", fontsize=look().label_pt)
    ax.set_ylabel("Host", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt if lanes <= 30 else look().note_pt)
    ax.spines[["top", "right"]].set_visible(False)
    seen = [kind for kind in KINDS if kind not in RARE or (hosts["phase"] == kind).any()]
    add_title_and_legend(
        ax,
        folded(_title(hosts, end_s, which)),
        [Patch(facecolor=tint(KINDS[kind]), label=kind) for kind in seen],
        columns=min(len(seen), look().legend_columns + 1),
        is_alone=is_alone,
    )
    return ax


def _draw_lane(ax: Axes, lane: int, row: object, end_s: float) -> None:
    drain_s, reboot_s, back_s = (getattr(row, name) for name in ("drain_s", "reboot_s", "back_s"))
    phase = getattr(row, "phase")  # noqa: B009
    is_blocked = phase == HostPhase.BLOCKED.value
    ax.barh(lane, end_s, height=0.8, color=tint(KINDS["blocked" if is_blocked else "serving"]))
    if math.isnan(drain_s) or is_blocked:
        return
    until_s = end_s if math.isnan(reboot_s) else reboot_s
    ax.barh(lane, until_s - drain_s, left=drain_s, height=0.8, color=tint(KINDS["draining"]))
    if not math.isnan(reboot_s):
        kind = "not back" if phase == HostPhase.NOT_BACK.value else "rebooting"
        until_s = end_s if math.isnan(back_s) else back_s
        ax.barh(lane, until_s - reboot_s, left=reboot_s, height=0.8, color=tint(KINDS[kind]))


def _title(hosts: pd.DataFrame, end_s: float, which: str) -> str:
    done = int((hosts["phase"] == HostPhase.DONE.value).sum())
    after = written(end_s, TIME_UNITS)
    of_all = counted(len(hosts), "host")
    many = of_all if done == len(hosts) else f"{done} of {of_all}"
    return f"{many} rebooted and back after {after}" + (f" ({literal(which)})" if which else "")


def _step(span: float) -> float:
    """Return a round step that divides a span into about eight parts."""
    power = 10.0 ** math.floor(math.log10(span / 8))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 10)
