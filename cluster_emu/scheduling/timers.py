"""Phases of a migration that last a given time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cluster_emu.network.fluid import FluidLoop
from cluster_emu.network.timers import Timer


class PhaseTimers:
    """At most one timer per migration.

    Args:
        loop: keeps the time.
    """

    def __init__(self, loop: FluidLoop) -> None:
        self._loop = loop
        self._running: dict[int, tuple[float, Timer]] = {}

    def begin(
        self, number: int, duration_s: float, now_s: float, then: Callable[[int, float], None]
    ) -> None:
        """Call `then` with the migration's number and the time after `duration_s`."""
        timer = self._loop.call_at(now_s + duration_s, partial(then, number))
        self._running[number] = (now_s, timer)

    def stop(self, number: int, now_s: float) -> float:
        """End a migration's timer and return how long it has run."""
        start_s, timer = self._running.pop(number)
        self._loop.cancel(timer)
        return now_s - start_s

    def since_s(self, number: int) -> float | None:
        """Return when a migration's timer has begun; None if it has none."""
        return self._running[number][0] if number in self._running else None
