"""When the next own event of each flow comes, and which is the first of all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

UNKNOWN = -math.inf


class EventTimes:
    """One time per slot, infinity for none; the earliest is looked for only when it has gone.

    Args:
        slots: number of slots.
    """

    def __init__(self, slots: int) -> None:
        self._times_s = np.full(slots, np.inf)
        self._view: Any = self._times_s.data
        self._first_s = math.inf

    def __getitem__(self, slot: int) -> float:
        """Return the time of one slot."""
        time_s: float = self._view[slot]
        return time_s

    def __setitem__(self, slot: int, time_s: float) -> None:
        """Replace the time of one slot."""
        first_s, before_s = self._first_s, self._view[slot]
        self._view[slot] = time_s
        if first_s == UNKNOWN:
            return
        if time_s <= first_s:
            self._first_s = self._view[slot]
        elif before_s == first_s:
            self._first_s = UNKNOWN

    def replace(self, slots: Indices, times_s: Floats) -> None:
        """Replace the times of some slots, shape [slots given]."""
        self._times_s[slots] = times_s
        self._first_s = UNKNOWN

    def first_s(self) -> float:
        """Return the earliest time."""
        if self._first_s == UNKNOWN:
            self._first_s = float(np.minimum.reduce(self._times_s))
        return self._first_s

    def due(self, horizon_s: float) -> Indices:
        """Return the slots whose time comes by `horizon_s`."""
        slots: Indices = (self._times_s <= horizon_s).nonzero()[0]
        return slots

    def grow(self, slots: int) -> None:
        """Add so many slots without an event."""
        self._times_s = np.concatenate([self._times_s, np.full(slots, np.inf)])
        self._view = self._times_s.data
