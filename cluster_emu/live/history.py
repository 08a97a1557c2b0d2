"""What things were like until now, in bounded memory: fewer instants the longer the run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_INSTANTS = 256


class History:
    """Keeps rows of bytes at up to `MOST_INSTANTS` instants, evenly spread over the run.

    When it is full, every second instant is dropped and the spacing doubles.

    Args:
        width: length of a row.
        spacing_s: least time between two instants at first.
    """

    def __init__(self, width: int, spacing_s: float) -> None:
        self._rows = np.zeros((MOST_INSTANTS, width), dtype=np.uint8)
        self._times_s = np.zeros(MOST_INSTANTS)
        self._count = 0
        self._spacing_s = spacing_s

    def wants(self, time_s: float) -> bool:
        """Return whether `add` would keep a row of this time."""
        return self._count == 0 or time_s >= self._times_s[self._count - 1] + self._spacing_s

    def add(self, time_s: float, row: NDArray[np.uint8]) -> None:
        """Keep the row of an instant, if enough time has passed since the last one."""
        if not self.wants(time_s):
            return
        if self._count == MOST_INSTANTS:
            self._count = MOST_INSTANTS // 2
            self._rows[: self._count] = self._rows[::2].copy()
            self._times_s[: self._count] = self._times_s[::2].copy()
            self._spacing_s *= 2
        self._rows[self._count] = row
        self._times_s[self._count] = time_s
        self._count += 1

    def of(self, column: int) -> tuple[list[float], list[float]]:
        """Return the times in seconds, and the values of one column as shares of 255."""
        count = self._count
        return self._times_s[:count].tolist(), (self._rows[:count, column] / 255.0).tolist()

    def columns(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return the times in seconds, and all values as shares of 1, [times, width]."""
        count = self._count
        shares: NDArray[np.float32] = self._rows[:count].astype(np.float32) / np.float32(255)
        return self._times_s[:count].copy(), shares
