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


class CarriedHistory:
    """What the links have carried at up to `MOST_INSTANTS` instants.

    From sums, the mean load between two instants is exact, however far apart they are.

    Args:
        links: number of links.
    """

    def __init__(self, links: int) -> None:
        self._bytes = np.zeros((MOST_INSTANTS, links))
        self._times_s = np.zeros(MOST_INSTANTS)
        self._count = 1  # nothing at the start

    def add(self, time_s: float, carried: NDArray[np.float64]) -> None:
        """Keep what the links have carried until an instant, later than the last one."""
        if time_s <= self._times_s[self._count - 1]:
            return
        if self._count == MOST_INSTANTS:
            self._count = MOST_INSTANTS // 2
            self._bytes[: self._count] = self._bytes[::2].copy()
            self._times_s[: self._count] = self._times_s[::2].copy()
        self._bytes[self._count] = carried
        self._times_s[self._count] = time_s
        self._count += 1

    def shares(
        self, now_s: float, carried: NDArray[np.float64], capacity_bytes_per_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the begins of the intervals until now, and the mean load of each link in each.

        Args:
            now_s: the present.
            carried: bytes carried until now, [links].
            capacity_bytes_per_s: what each link can carry, [links].

        Returns:
            The begins, [intervals], and shares of 1, [intervals, links].
        """
        times_s = np.append(self._times_s[: self._count], now_s)
        sums = np.vstack([self._bytes[: self._count], carried])
        kept = np.flatnonzero(np.diff(times_s) > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            could = np.diff(times_s)[kept, None] * capacity_bytes_per_s
            share = np.nan_to_num(np.diff(sums, axis=0)[kept] / could)
        return times_s[kept], np.clip(share, 0.0, 1.0)
