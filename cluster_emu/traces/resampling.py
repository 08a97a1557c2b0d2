"""Values of one VM on a grid: each at its nearest step, or means over the steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def held_on_grid(places: Floats, stops: Floats, shares: Floats, length: int, hold: bool) -> Floats:
    """Return demand per step, each sample from its place until its stop or the next one.

    With `hold` every sample but the last one lasts until the next one.
    """
    starts = np.flatnonzero(np.diff(places, prepend=-np.inf) > 0.0)
    if len(starts) < len(places):  # some samples share a step
        counts = np.diff(np.append(starts, len(places)))
        shares = np.add.reduceat(shares, starts) / counts
        stops = np.maximum.reduceat(stops, starts)
        places = places[starts]
    following = np.append(places[1:], stops[-1])
    stops = following if hold else np.minimum(stops, following)
    low = np.clip(places, 0, length).astype(np.int64)
    high = np.clip(stops, 0, length).astype(np.int64)
    demand = np.zeros(length)
    counts = np.maximum(high - low, 0)
    steps = np.repeat(low - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    demand[steps] = np.repeat(shares, counts)
    return demand


def means_on_grid(
    times_s: Floats, ends_s: Floats, shares: Floats, step_s: float, length: int
) -> Floats:
    """Return the mean in each step of values that hold from `times_s` to `ends_s`.

    The last step may be shorter.
    """
    edges_s = np.minimum(np.arange(length + 1) * step_s, max(float(ends_s[-1]), step_s))
    edges_s = np.maximum.accumulate(edges_s)
    corners_s = np.column_stack([times_s, ends_s]).ravel()
    areas = np.column_stack([np.zeros_like(shares), shares * (ends_s - times_s)]).ravel()
    integral = np.interp(edges_s, corners_s, np.cumsum(areas), left=0.0)
    widths_s = np.diff(edges_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.diff(integral) / widths_s
    demand: Floats = np.clip(np.where(widths_s > 0.0, found, 0.0), 0.0, 1.0)
    return demand
