"""The lines between the nodes of a laid-out topology."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.view.layout import Box, Layout

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
    """Return the line of a migration along `hops`, the line of each link in turn, moved aside."""
    line = np.concatenate(hops)
    line[:, 0] += shift
    return line


def lanes(count: int) -> NDArray[np.float64]:
    """Return how far each of `count` migrations is moved aside, so that they can be told apart."""
    spread = min(LANE * (count - 1), MAX_SPREAD)
    return np.linspace(-spread / 2, spread / 2, count) if count > 1 else np.zeros(count)


def beside(line: Line, distance: float) -> Line:
    """Return `line` moved to its own right by `distance`, as traffic keeps to one side."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-12)[:, None]
    moved: Line = line + distance * np.column_stack([along[:, 1], -along[:, 0]])
    return moved


def _arc(a: Box, b: Box) -> Line:
    (x0, y0), (x1, y1) = a.top, b.top
    t = np.linspace(0.0, 1.0, ARC_POINTS)
    rise = ARC_RISE * (1 + abs(x1 - x0)) * 4 * t * (1 - t)
    return np.column_stack([x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + rise])
