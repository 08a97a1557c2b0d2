"""On/off bursts: what they are, and the toggles of a single thing, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.units import ParseSeconds

# Intervals shorter than this would cost millions of draws per simulated day.
Duration = Annotated[float, ParseSeconds, Field(ge=0.01, le=1e12, allow_inf_nan=False)]

DRAWN_AT_ONCE = 32
"""Durations drawn in one go, and toggles of the past kept for callers that look back."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Burst:
    """Something alternates between full intensity and a low level: a VM's writing, a tenant.

    Args:
        on_s: mean length of a burst, wall time.
        off_s: mean length of the time between bursts, wall time.
        level_off: the intensity between bursts is multiplied by this.
        durations: "exponential" draws every length, "fixed" repeats the means from a random phase.
    """

    on_s: Duration
    off_s: Duration
    level_off: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05
    durations: Literal["exponential", "fixed"] = "exponential"

    @property
    def on_share(self) -> float:
        """Share of time spent in bursts in the long run."""
        return self.on_s / (self.on_s + self.off_s)


class ToggleTimes:
    """The instants at which one thing's bursts begin and end, in a window that moves with time.

    The process is stationary from time 0. Looking back further than the window begins it anew from
    time 0, which gives the same instants again.

    Args:
        burst: the lengths' distribution.
        start: returns the VM's generator, each time from its beginning.
    """

    def __init__(self, burst: Burst, start: Callable[[], np.random.Generator]) -> None:
        self._burst = burst
        self._start = start
        self._rewind()

    def around(self, time_s: float) -> tuple[float, float, bool]:
        """Return the toggles before and strictly after `time_s`, and whether it is in a burst."""
        if time_s < self._times[0]:
            self._rewind()
        while time_s >= self._times[-1]:
            self._extend()
        place = int(self._times.searchsorted(time_s, side="right"))
        on = self._on_at_first == (place % 2 == 1)
        return float(self._times[place - 1]), float(self._times[place]), on

    def _rewind(self) -> None:
        burst = self._burst
        self._rng = self._start()
        self._on_at_first = bool(self._rng.random() < burst.on_share)
        mean_s = burst.on_s if self._on_at_first else burst.off_s
        # What is left at time 0 of an interval long under way: memoryless, or a uniform part.
        exponential = burst.durations == "exponential"
        left = self._rng.standard_exponential() if exponential else 1.0 - self._rng.random()
        self._times = np.array([0.0, mean_s * left])

    def _extend(self) -> None:
        burst = self._burst
        dropped = max(0, len(self._times) - DRAWN_AT_ONCE)
        times = self._times[dropped:]
        self._on_at_first ^= dropped % 2 == 1
        on_next = self._on_at_first == (len(times) % 2 == 1)
        pair_s = [burst.on_s, burst.off_s] if on_next else [burst.off_s, burst.on_s]
        lengths_s = np.tile(pair_s, DRAWN_AT_ONCE // 2)
        if burst.durations == "exponential":
            lengths_s *= self._rng.standard_exponential(DRAWN_AT_ONCE)
        self._times = np.concatenate((times, times[-1] + np.cumsum(lengths_s)))
