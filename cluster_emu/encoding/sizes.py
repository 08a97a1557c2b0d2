"""What a set of pages takes on the wire, and in processor time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Sizes on the wire of given pages, headers included, in whole units.

    Whole numbers keep sums of sizes exact. Pages of equal size are counted in units of that size;
    otherwise a unit is a byte.

    Args:
        count: how many pages.
        unit_bytes: bytes of one unit.
        units: size of each page, [count], all at least 1; None where every page takes one unit.
        cpu_s: seconds of one processor core that encoding each page takes, [count], or None where
            encoding costs nothing.
    """

    count: int
    unit_bytes: float
    units: NDArray[np.int64] | None = None
    cpu_s: NDArray[np.float64] | None = None

    @property
    def total_bytes(self) -> float:
        """Bytes of all pages together."""
        units = self.count if self.units is None else int(self.units.sum())
        return units * self.unit_bytes

    @property
    def total_cpu_s(self) -> float:
        """Processor time that encoding all of them takes."""
        return 0.0 if self.cpu_s is None else float(self.cpu_s.sum())

    def cpu_s_of(self, chosen: NDArray[np.bool_]) -> float:
        """Return the processor time of the chosen ones of the first pages, [first pages]."""
        return 0.0 if self.cpu_s is None else float(self.cpu_s[: len(chosen)][chosen].sum())

    def cpu_s_until(self, sent_bytes: float) -> float:
        """Return the processor time behind the first so many bytes, spread evenly over all."""
        if self.cpu_s is None:
            return 0.0
        return self.total_cpu_s * min(sent_bytes / self.total_bytes, 1.0)

    def whole_pages_in(self, sent_bytes: float) -> int:
        """Return how many of the pages, sent in this order, fit so many bytes."""
        units = sent_bytes / self.unit_bytes
        if self.units is None:
            return min(self.count, int(units))
        return int(np.searchsorted(np.cumsum(self.units), units, side="right"))

    def encoded_bytes_per_s(self, channels: int) -> float:
        """Return the rate at which so many cores put these pages out; infinite if that is free."""
        cpu_s = self.total_cpu_s
        return channels * self.total_bytes / cpu_s if cpu_s > 0 else math.inf
