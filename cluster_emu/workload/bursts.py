"""On/off bursts of a VM's writing: when each VM is in a burst, as a function of time alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.state import BoolColumn, FloatColumn
from cluster_emu.streams import Purpose, Streams
from cluster_emu.units import ParseSeconds

# Intervals shorter than this would cost millions of draws per simulated day.
Duration = Annotated[float, ParseSeconds, Field(ge=0.01, le=1e12, allow_inf_nan=False)]

DRAWN_AT_ONCE = 32
"""Durations drawn in one go, and toggles of the past kept for callers that look back."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Burst:
    """A VM's writing alternates between full intensity and a low level.

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
    """The instants at which one VM's bursts begin and end, in a window that moves with time.

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


class BurstSchedule:
    """The burst level of every VM over time.

    Args:
        bursts: each VM's bursts, None for a VM that writes evenly; shape [vms].
        streams: where each VM's own generator comes from.
    """

    def __init__(self, bursts: Sequence[Burst | None], streams: Streams) -> None:
        self.vm_count = len(bursts)
        bursty = {vm: burst for vm, burst in enumerate(bursts) if burst is not None}
        self._row_of = {vm: row for row, vm in enumerate(bursty)}
        self._vms = np.array(list(bursty), dtype=np.int64)
        self._level_off = np.array([burst.level_off for burst in bursty.values()])
        self._toggles = [
            ToggleTimes(burst, partial(streams.generator, Purpose.BURSTS, vm))
            for vm, burst in bursty.items()
        ]
        # The interval each bursty VM was last seen in; empty until it is first asked for.
        self._since_s: FloatColumn = np.zeros(len(self._vms))
        self._until_s: FloatColumn = np.zeros(len(self._vms))
        self._on: BoolColumn = np.zeros(len(self._vms), dtype=np.bool_)

    def level_at(self, time_s: float) -> FloatColumn:
        """Return the factor on every VM's intensity, 1 in a burst, a new array of shape [vms]."""
        for row in np.flatnonzero((time_s < self._since_s) | (time_s >= self._until_s)):
            self._look_at(int(row), time_s)
        levels = np.ones(self.vm_count)
        levels[self._vms] = np.where(self._on, 1.0, self._level_off)
        return levels

    def level(self, vm: int, time_s: float) -> float:
        """Return the factor on one VM's intensity, equal to ``level_at(time_s)[vm]``."""
        row = self._row_of.get(vm)
        if row is None:
            return 1.0
        self._look_at(row, time_s)
        return 1.0 if self._on[row] else float(self._level_off[row])

    def next_toggle(self, vm: int, time_s: float) -> float:
        """Return the first instant strictly after `time_s` at which the VM's level changes."""
        row = self._row_of.get(vm)
        if row is None:
            return math.inf
        self._look_at(row, time_s)
        return float(self._until_s[row])

    def _look_at(self, row: int, time_s: float) -> None:
        if not self._since_s[row] <= time_s < self._until_s[row]:
            seen = self._toggles[row].around(time_s)
            self._since_s[row], self._until_s[row], self._on[row] = seen
