"""What the links carried and how full they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class LinkMeter:
    """Integrates the load of every link, which is constant from one of its records to the next.

    Args:
        link_count: number of links.
        start_s: time from which the load counts.
    """

    def __init__(self, link_count: int, start_s: float) -> None:
        self.load = np.zeros(link_count)
        self.peak_share = np.zeros(link_count)
        self._carried = np.zeros(link_count)
        self._since_s = np.full(link_count, start_s)

    def record(self, now_s: float, links: Indices, load: Floats, capacity: Floats) -> None:
        """Note the load of some links from `now_s` on, and its share of their capacity.

        Args:
            now_s: the time.
            links: the links whose load or capacity changed, each once.
            load: what they carry from now on, shape [links given].
            capacity: what they could carry, shape [links given].
        """
        self._carried[links] += self.load[links] * (now_s - self._since_s[links])
        self._since_s[links] = now_s
        self.load[links] = load
        # A link that is down may carry nothing: any load at all is infinitely too much.
        with np.errstate(divide="ignore", invalid="ignore"):
            share = load / capacity
        self.peak_share[links] = np.fmax(self.peak_share[links], share)

    def carried(self, now_s: float) -> Floats:
        """Return what each link has carried until `now_s`, shape [links]."""
        return self._carried + self.load * (now_s - self._since_s)
