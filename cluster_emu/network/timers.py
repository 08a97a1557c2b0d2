"""Calls at exact simulated times."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

TimerCallback = Callable[[float], None]


@dataclass(slots=True, eq=False)
class Timer:
    """One future call; it is skipped if `cancelled`."""

    time_s: float
    callback: TimerCallback
    cancelled: bool = False


Entries = list[tuple[float, int, Timer]]


class TimerQueue:
    """Timers by time; those of one time act in the order in which they were set.

    Passive timers, of which there may be very many, are in a heap of their own.
    """

    def __init__(self) -> None:
        self._heap: Entries = []
        self._passive: Entries = []
        self._set_count = 0

    def set(self, time_s: float, callback: TimerCallback, *, passive: bool = False) -> Timer:
        """Add a call at `time_s` and return its timer."""
        timer = Timer(time_s, callback)
        heap = self._passive if passive else self._heap
        heapq.heappush(heap, (time_s, self._set_count, timer))
        self._set_count += 1
        return timer

    def next_s(self) -> float:
        """Return the time of the next call, infinity if there is none."""
        active_s = self.next_active_s()
        if not self._passive:
            return active_s
        return min(active_s, _next_s(self._passive))

    def next_active_s(self) -> float:
        """Return the time of the next call that is not passive, infinity if there is none."""
        return _next_s(self._heap)

    def pop(self) -> Timer:
        """Take out the next call; there must be one."""
        self.next_s()
        heap = self._heap
        if self._passive and (not heap or self._passive[0] < heap[0]):
            heap = self._passive
        return heapq.heappop(heap)[2]


def _next_s(heap: Entries) -> float:
    while heap and heap[0][2].cancelled:
        heapq.heappop(heap)
    return heap[0][0] if heap else math.inf
