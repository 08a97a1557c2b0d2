"""When how much of a round was on the wire: operational time as a function of pages sent."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.compiling import compiled

Floats = NDArray[np.float64]

SAME_PACE = 1e-9
"""Relative difference of two paces below which they are one."""


_START = np.zeros((2, 1))


class TimePath:
    """Operational time since the round began by pages sent in it; straight between rate changes.

    Attributes:
        pages: pages on the wire by now, the part of the one in transit included.
        time: operational time by now.
        pace: operational seconds per page from now on.
    """

    def __init__(self) -> None:
        self.pages = 0.0
        self.time = 0.0
        self.pace = 0.0
        self._corner_pages = [0.0]
        self._corner_times = [0.0]
        self._slope = 0.0

    @property
    def is_straight(self) -> bool:
        """Whether the whole round, to come included, has one pace."""
        has_begun = self.pages > 0 or self.time > 0
        return len(self._corner_pages) == 1 and (not has_begun or self._is_slope(self.pace))

    def advance(self, pages: float, elapsed: float) -> None:
        """Let pages go over the wire and time pass."""
        if pages <= 0 and elapsed <= 0:
            return
        slope = elapsed / pages if pages > 0 else math.inf
        if not self._is_slope(slope) and self._left_the_corner:
            self._corner_pages.append(self.pages)
            self._corner_times.append(self.time)
        self._slope = slope
        self.pages += pages
        self.time += elapsed

    @property
    def _left_the_corner(self) -> bool:
        return self.pages != self._corner_pages[-1] or self.time != self._corner_times[-1]

    def _is_slope(self, slope: float) -> bool:
        if math.isinf(slope) or math.isinf(self._slope):  # a stall is like no pace
            return slope == self._slope
        return abs(slope - self._slope) <= SAME_PACE * abs(self._slope)

    @property
    def corners(self) -> Floats:
        """Pages and times at which the pace changed; from the last one, `pace` holds, [2, corners].

        One of a straight path: the start.
        """
        if self.is_straight:
            return _START
        pages = [*self._corner_pages, self.pages]
        return np.array([pages, [*self._corner_times, self.time]])

    def times(self, pages: Floats) -> Floats:
        """Return the time at which so many pages had been, or will have been, sent."""
        if self.is_straight:
            return pages * self.pace
        corners = self.corners
        known = np.interp(pages, corners[0], corners[1])
        times: Floats = known + np.maximum(pages - self.pages, 0.0) * self.pace
        return times


@compiled
def time_at(x: float, corners: Floats, pace: float, batch: int) -> float:
    """Return the operational time of the look for a page before which x have been sent."""
    if batch > 1:
        x = math.floor(x / batch) * batch
    low, high = 0, corners.shape[1] - 1
    if x >= corners[0, high]:
        return float(corners[1, high] + (x - corners[0, high]) * pace)
    while high - low > 1:
        middle = (low + high) // 2
        if corners[0, middle] <= x:
            low = middle
        else:
            high = middle
    rise = (corners[1, high] - corners[1, low]) / (corners[0, high] - corners[0, low])
    return float(corners[1, low] + (x - corners[0, low]) * rise)
