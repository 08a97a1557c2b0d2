"""What the links carried and how full they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class LinkMeter:
    """Integrates the load of every link, which is constant from one record to the next.

    Args:
        link_count: number of links.
        start_s: time from which the load counts.
    """

    def __init__(self, link_count: int, start_s: float) -> None:
        self.load = np.zeros(link_count)
        self.peak_share = np.zeros(link_count)
        self._carried = np.zeros(link_count)
        self._since_s = start_s

    def record(self, now_s: float, load: Floats, capacity: Floats) -> None:
        """Note the load from `now_s` on, and its share of the capacity, both shape [links]."""
        self._carried = self.carried(now_s)
        self._since_s = now_s
        self.load = load
        # A link that is down may carry nothing: any load at all is infinitely too much.
        share = np.where(load > 0, np.inf, 0.0)
        np.divide(load, capacity, out=share, where=capacity > 0)
        np.maximum(self.peak_share, share, out=self.peak_share)

    def carried(self, now_s: float) -> Floats:
        """Return what each link has carried until `now_s`, shape [links]."""
        return self._carried + self.load * (now_s - self._since_s)
