"""Measured against emulated migrations: a point for each, on the diagonal where both agree."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from cluster_emu.errors import UnknownNameError
from cluster_emu.view.style import (
    BLUE,
    GREY,
    ORANGE,
    look,
    new_figure,
    tint,
)

if TYPE_CHECKING:
    from cluster_emu.validation.qemu import QemuAgreement

HEIGHT_INCHES = 2.8
FIGURES = MappingProxyType(
    {
        "total_time_s": (1.0, "Total time (s)"),
        "transferred_bytes": (1e-6, "Bytes (MB)"),
        "downtime_s": (1e3, "Downtime (ms)"),
    }
)
"""Scale and label of each figure that is drawn."""


def draw_agreement(agreement: QemuAgreement, figure: Figure | None = None) -> Figure:
    """Draw total time, bytes and downtime of the quiet rows, measured against emulated.

    Each panel is a `draw_agreement_panel`.

    Args:
        agreement: what to draw.
        figure: an empty figure to draw in; a new one by default.
    """
    rows = len(FIGURES) if look().is_narrow else 1
    if figure is None:
        figure = new_figure(HEIGHT_INCHES * rows)
    panels = figure.subplots(rows, len(FIGURES) // rows)
    for ax, name in zip(panels, FIGURES, strict=True):
        draw_agreement_panel(agreement, name, ax)
    for ax in panels[1:]:
        ax.set_ylabel("")
        ax.get_legend().remove()
    return figure


def draw_agreement_panel(agreement: QemuAgreement, which: str, ax: Axes | None = None) -> Axes:
    """Draw one figure of the quiet rows, measured against emulated, on the diagonal if they agree.

    Args:
        agreement: what to draw.
        which: "total_time_s", "transferred_bytes" or "downtime_s".
        ax: where to draw; a new figure by default.

    Raises:
        UnknownNameError: if there is no such figure.
    """
    if which not in FIGURES:
        raise UnknownNameError("figure of migrations", which, FIGURES)
    if ax is None:
        ax = new_figure(HEIGHT_INCHES, width_inches=HEIGHT_INCHES).add_subplot()
    scale, label = FIGURES[which]
    measured, emulated = (
        scale * np.array([getattr(outcome, which) for outcome in outcomes])
        for outcomes in (
            [one.measured.outcome for one in agreement.quiet],
            [one.emulated for one in agreement.quiet],
        )
    )
    plain = np.array([one.measured.is_plain for one in agreement.quiet], dtype=np.bool_)
    for chosen, colour, kind in (
        (plain, tint(BLUE), "plain"),
        (~plain, tint(ORANGE), "others"),
    ):
        ax.plot(measured[chosen], emulated[chosen], ".", color=colour, label=kind)
    if len(measured):
        ends = [0.8 * measured.min(), 1.25 * measured.max()]
        ax.plot(ends, ends, "-", color=tint(GREY), linewidth=0.8, zorder=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_title(label, fontsize=look().label_pt)
    ax.set_xlabel("measured", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.set_ylabel("emulated", fontsize=look().label_pt)
    ax.legend(fontsize=look().tick_pt)
    return ax
