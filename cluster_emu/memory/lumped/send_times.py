"""When the pages of a round are sent: operational time as a function of pages sent."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import BREAKPOINT, Records

Floats = NDArray[np.float64]

SAME_RATE = 1e-9
"""Relative difference below which two times per page count as equal."""
_START = np.zeros(1, dtype=BREAKPOINT)


class SendTimes:
    """Operational time since the round began by pages sent in it; linear between rate changes.

    Attributes:
        pages: pages on the wire so far, the part of the one in transit included.
        time_s: operational time so far.
        time_per_page_s: operational seconds per page from now on.
    """

    def __init__(self) -> None:
        self.pages = 0.0
        self.time_s = 0.0
        self.time_per_page_s = 0.0
        self._breakpoints = [(0.0, 0.0)]
        self._slope = 0.0

    @property
    def is_straight(self) -> bool:
        """Whether the whole round has one time per page, the rest of the round included."""
        has_begun = self.pages > 0 or self.time_s > 0
        return len(self._breakpoints) == 1 and (
            not has_begun or self._is_slope(self.time_per_page_s)
        )

    def advance(self, pages: float, elapsed_s: float) -> None:
        """Let pages go over the wire and time pass."""
        if pages <= 0 and elapsed_s <= 0:
            return
        slope = elapsed_s / pages if pages > 0 else math.inf
        here = self.pages, self.time_s
        if not self._is_slope(slope) and here != self._breakpoints[-1]:
            self._breakpoints.append(here)
        self._slope = slope
        self.pages += pages
        self.time_s += elapsed_s

    def _is_slope(self, slope: float) -> bool:
        if math.isinf(slope) or math.isinf(self._slope):  # a stall has no time per page
            return slope == self._slope
        return abs(slope - self._slope) <= SAME_RATE * abs(self._slope)

    @property
    def breakpoints(self) -> Records:
        """`_kernels.BREAKPOINT`; `time_per_page_s` holds after the last one, [breakpoints].

        A straight round has one: its start.
        """
        if self.is_straight:
            return _START
        return np.array([*self._breakpoints, (self.pages, self.time_s)], dtype=BREAKPOINT)

    def times(self, pages: Floats) -> Floats:
        """Return the operational time at which so many pages are sent."""
        if self.is_straight:
            return pages * self.time_per_page_s
        known = self.breakpoints
        times: Floats = np.interp(pages, known["pages"], known["time_s"])
        times = times + np.maximum(pages - self.pages, 0.0) * self.time_per_page_s
        return times
