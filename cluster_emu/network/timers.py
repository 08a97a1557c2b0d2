"""Calls at exact simulated times."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

TimerCallback = Callable[[float], None]


@dataclass(slots=True, eq=False)
class Timer:
    """One future call; it is skipped if `cancelled`."""

    time_s: float
    callback: TimerCallback
    cancelled: bool = False


class TimerQueue:
    """Timers by time; those of one time act in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._set_count = 0

    def set(self, time_s: float, callback: TimerCallback) -> Timer:
        """Add a call at `time_s` and return its timer."""
        timer = Timer(time_s, callback)
        heapq.heappush(self._heap, (time_s, self._set_count, timer))
        self._set_count += 1
        return timer

    def next_s(self) -> float:
        """Return the time of the next call, infinity if there is none."""
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else float("inf")

    def pop(self) -> Timer:
        """Take out the next call; there must be one."""
        self.next_s()
        return heapq.heappop(self._heap)[2]
