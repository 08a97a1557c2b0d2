"""A dirty curve: readings with their noise, and the classes fitted to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cluster_emu.view.style import (
    BLUE,
    GREY,
    VERMILLION,
    look,
    new_figure,
    tint,
)

if TYPE_CHECKING:
    from cluster_emu.calibration import CurveFit

HEIGHT_INCHES = 3.4
POINTS = 200


def draw_dirty_curve(fit: CurveFit, ax: Axes | None = None) -> Axes:
    """Draw distinct dirty pages over the period, measured and fitted, and each class by itself.

    Args:
        fit: what to draw.
        ax: where to draw; a new figure by default.
    """
    if ax is None:
        ax = new_figure(HEIGHT_INCHES).add_subplot()
    curve = fit.curve
    periods_s = np.geomspace(curve.periods_s[0] / 1.5, curve.periods_s[-1] * 1.5, POINTS)
    for one in fit.classes:
        own = -one.share * np.expm1(-one.writes_per_page_s * periods_s) * curve.total_pages
        label = f"{one.share:.3g} of the pages, {one.writes_per_page_s:.3g} writes/s"
        ax.plot(periods_s, own, "--", color=tint(GREY), linewidth=0.8)
        ax.annotate(
            label, (periods_s[-1], own[-1]), ha="right", va="bottom", fontsize=look().tick_pt
        )
    fitted = fit.share_at(periods_s) * curve.total_pages
    ax.plot(periods_s, fitted, "-", color=tint(BLUE), label="fit")
    sigma = np.sqrt(curve.counting_variance + (fit.noise * curve.dirty_share) ** 2)
    ax.errorbar(
        curve.periods_s,
        curve.dirty_pages,
        1.96 * sigma * curve.total_pages,
        fmt="o",
        color=tint(VERMILLION),
        markersize=4,
        label="measured, with 95 % of its noise",
    )
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("Period (s)", fontsize=look().label_pt)
    ax.set_ylabel("Distinct dirty pages", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.legend(fontsize=look().tick_pt, loc="upper left")
    return ax
