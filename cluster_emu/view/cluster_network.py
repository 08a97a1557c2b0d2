"""The network of a laid-out topology: cables, their loads, switches, routes of migrations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from cluster_emu.view.frame import ClusterFrame
from cluster_emu.view.layout import Box, Layout
from cluster_emu.view.style import (
    GREY,
    LOAD_COLOUR,
    PALE_GREY,
    VERMILLION,
    WHITE,
    literal,
    look,
    tint,
)

ARC_POINTS = 17
ARC_RISE = 0.16
LANE = 0.034
MAX_SPREAD = 0.12

Line = NDArray[np.float64]
"""Points in order, shape [points, 2]."""


def cable(layout: Layout, a: int, b: int) -> Line:
    """Return the line from node `a` to node `b`; an arc where both are at the same height."""
    lower, upper = sorted((layout.boxes[a], layout.boxes[b]), key=lambda box: box.y)
    if np.isclose(lower.y, upper.y):
        return _arc(layout.boxes[a], layout.boxes[b])
    line = np.array([lower.top, upper.bottom])
    return line if lower is layout.boxes[a] else line[::-1]


def route_line(hops: Sequence[Line], shift: float) -> Line:
    """Return the line of a migration along `hops`, the line of each link in turn, shifted."""
    line = np.concatenate(hops)
    line[:, 0] += shift
    return line


def lanes(count: int) -> NDArray[np.float64]:
    """Return the shift of each of `count` migrations, so that their lines do not coincide."""
    spread = min(LANE * (count - 1), MAX_SPREAD)
    return np.linspace(-spread / 2, spread / 2, count) if count > 1 else np.zeros(count)


def shifted_right(line: Line, distance: float) -> Line:
    """Return `line` shifted by `distance` to the right of its direction."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-12)[:, None]
    moved: Line = line + distance * np.column_stack([along[:, 1], -along[:, 0]])
    return moved


def _arc(a: Box, b: Box) -> Line:
    (x0, y0), (x1, y1) = a.top, b.top
    t = np.linspace(0.0, 1.0, ARC_POINTS)
    rise = ARC_RISE * (1 + abs(x1 - x0)) * 4 * t * (1 - t)
    return np.column_stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + rise])


Ends = tuple[int, int]
"""The node a one-direction link leaves and the node it enters."""

SATURATED_SHARE = 0.99
WIDEST_LOAD_PT = 7.0
NARROWEST_LOAD_PT = 1.2
POINTS_PER_INCH = 72
LETTER_WIDTH = 0.062


def cables_of(frame: ClusterFrame, layout: Layout) -> list[Line]:
    """Return the line of every cable."""
    pairs = sorted({(min(ends), max(ends)) for ends in _link_ends(frame)})
    return [cable(layout, *pair) for pair in pairs]


def draw_network(ax: Axes, frame: ClusterFrame, layout: Layout) -> dict[Ends, Line]:
    """Draw cables, loads and switches; return the line of each direction, next to its cable."""
    cables = LineCollection(
        cables_of(frame, layout), colors=tint(PALE_GREY), linewidths=0.6, zorder=1, label="cables"
    )
    ax.add_collection(cables)
    _draw_switches(ax, frame, layout)
    return _draw_loads(ax, frame, layout)


def _link_ends(frame: ClusterFrame) -> list[Ends]:
    return list(zip(frame.link_source.tolist(), frame.link_target.tolist(), strict=True))


def _draw_loads(ax: Axes, frame: ClusterFrame, layout: Layout) -> dict[Ends, Line]:
    """Draw each direction's load on the right of its direction."""
    loads, saturated = _loads(frame)
    widest = float(frame.link_capacity_bytes_per_s.max(initial=1.0))
    widths = {
        ends: max(WIDEST_LOAD_PT * load / widest, NARROWEST_LOAD_PT) for ends, load in loads.items()
    }
    lines = {
        ends: shifted_right(cable(layout, *ends), width / 2 / POINTS_PER_INCH)
        for ends, width in widths.items()
    }
    loaded = [ends for ends, load in loads.items() if load > 0]
    ax.add_collection(
        LineCollection(
            [lines[ends] for ends in loaded],
            colors=[
                tint(VERMILLION) if ends in saturated else tint(LOAD_COLOUR) for ends in loaded
            ],
            linewidths=[widths[ends] for ends in loaded],
            zorder=1.5,
            label="load",
        )
    )
    return lines


def _loads(frame: ClusterFrame) -> tuple[dict[Ends, float], set[Ends]]:
    """Return bytes per second by direction, parallel links added up, and which are saturated."""
    loads: dict[Ends, float] = {}
    saturated: set[Ends] = set()
    full = frame.link_load_bytes_per_s >= SATURATED_SHARE * frame.link_capacity_bytes_per_s
    for ends, load, is_full in zip(
        _link_ends(frame), frame.link_load_bytes_per_s.tolist(), full.tolist(), strict=True
    ):
        loads[ends] = loads.get(ends, 0.0) + load
        if is_full:
            saturated.add(ends)
    return loads, saturated


def _draw_switches(ax: Axes, frame: ClusterFrame, layout: Layout) -> None:
    for node, attributes in frame.graph.nodes(data=True):
        if attributes["kind"] != "switch":
            continue
        box = layout.boxes[node]
        ax.add_patch(
            FancyBboxPatch(
                (box.x, box.y),
                box.width,
                box.height,
                boxstyle="round,pad=0,rounding_size=0.04",
                facecolor=tint(WHITE),
                edgecolor=tint(GREY),
                linewidth=0.8,
                zorder=7,
            )
        )
        name = literal(str(attributes.get("label", node)))
        if len(name) * LETTER_WIDTH <= box.width:
            ax.text(*box.centre, name, ha="center", va="center", fontsize=look().note_pt, zorder=8)
