"""On/off bursts: what they are, those of all VMs at any time, and those of one thing in order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn, FloatColumn, IntColumn
from cluster_emu.rng import RandomStreams, Stream
from cluster_emu.units import ParseSeconds
from cluster_emu.workload.on_off import ExponentialOnOff, PeriodicOnOff

# Intervals shorter than this would cost millions of draws per simulated day.
Duration = Annotated[float, ParseSeconds, Field(ge=0.01, le=1e12, allow_inf_nan=False)]

DRAWN_AT_ONCE = 32
"""Durations drawn in one call, and past toggles kept for callers that ask for an earlier time."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Burst:
    """Alternation between full intensity and a low level.

    The writes of a VM and background flows alternate so.

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


class BurstSchedule:
    """The burst level of every VM, as a function of time alone.

    Args:
        bursts: each VM's bursts, None for a VM that writes evenly; shape [vms].
        streams: where each VM's own key is drawn from.
    """

    def __init__(self, bursts: Sequence[Burst | None], streams: RandomStreams) -> None:
        self.vm_count = len(bursts)
        # One key for every VM, bursty or not: a VM's bursts must not depend on the other VMs.
        keys = streams.generator(Stream.BURSTS).integers(2**64, size=len(bursts), dtype=np.uint64)
        random = _Columns(bursts, "exponential")
        fixed = _Columns(bursts, "fixed")
        phases = keys[fixed.vms].astype(np.float64) * 2.0**-64
        groups = (
            _Group(random, ExponentialOnOff(keys[random.vms], random.on_s, random.off_s)),
            _Group(fixed, PeriodicOnOff(phases, fixed.on_s, fixed.off_s)),
        )
        self._groups = [group for group in groups if len(group.vms)]
        self._found = {
            int(vm): (group, row) for group in self._groups for row, vm in enumerate(group.vms)
        }

    def level_at(self, time_s: float) -> FloatColumn:
        """Return the factor on every VM's intensity, 1 in a burst, a new array of shape [vms]."""
        levels = np.ones(self.vm_count)
        for group in self._groups:
            levels[group.vms] = group.levels(time_s)
        return levels

    def constant_until(self) -> float:
        """Return until when the last result of `level_at` holds at least, for all VMs."""
        return min((group.constant_until() for group in self._groups), default=math.inf)

    def level(self, vm: int, time_s: float) -> float:
        """Return the factor on one VM's intensity, equal to ``level_at(time_s)[vm]``."""
        if vm not in self._found:
            return 1.0
        group, row = self._found[vm]
        on, _ = group.toggle(row, time_s)
        return 1.0 if on else float(group.level_off[row])

    def next_toggle(self, vm: int, time_s: float) -> float:
        """Return the first instant strictly after `time_s` at which the VM's level changes.

        Where a level holds for very many bursts of the mean length, the instant may come before.
        """
        if vm not in self._found:
            return math.inf
        group, row = self._found[vm]
        return group.toggle(row, time_s)[1]


class _Columns:
    """The VMs whose bursts have one kind of durations, each column of shape [rows]."""

    def __init__(self, bursts: Sequence[Burst | None], durations: str) -> None:
        chosen = [
            (vm, burst)
            for vm, burst in enumerate(bursts)
            if burst is not None and burst.durations == durations
        ]
        self.vms = np.array([vm for vm, _ in chosen], dtype=np.int64)
        self.on_s = np.array([burst.on_s for _, burst in chosen])
        self.off_s = np.array([burst.off_s for _, burst in chosen])
        self.level_off = np.array([burst.level_off for _, burst in chosen])


class _OnOff(Protocol):
    def at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]: ...

    def next_toggle(self, row: int, time_s: float) -> tuple[bool, float]: ...


class _Group:
    """The processes of some VMs, and the states last computed for them."""

    def __init__(self, columns: _Columns, process: _OnOff) -> None:
        self.vms, self.level_off = columns.vms, columns.level_off
        self._process = process
        # Each process was in this state from `_since_s` until `_until_s`; empty at first.
        self._on = np.zeros(len(self.vms), dtype=np.bool_)
        self._since_s = np.zeros(len(self.vms))
        self._until_s = np.zeros(len(self.vms))
        self._toggles: dict[int, tuple[float, bool, float]] = {}

    def levels(self, time_s: float) -> FloatColumn:
        """Return the level of each process, a new array of shape [rows]."""
        stale = np.flatnonzero((time_s < self._since_s) | (time_s >= self._until_s))
        if len(stale):
            self._on[stale], self._until_s[stale] = self._process.at(stale, time_s)
            self._since_s[stale] = time_s
        return np.where(self._on, 1.0, self.level_off)

    def constant_until(self) -> float:
        """Return until when the last result of `levels` holds at least."""
        return float(self._until_s.min())

    def toggle(self, row: int, time_s: float) -> tuple[bool, float]:
        """Return whether one process is on, and until when."""
        since_s, on, until_s = self._toggles.get(row, (0.0, False, 0.0))
        if not since_s <= time_s < until_s:
            on, until_s = self._process.next_toggle(row, time_s)
            self._toggles[row] = (time_s, on, until_s)
        return on, until_s


class ToggleTimes:
    """The instants at which one thing's bursts begin and end, in a window that moves with time.

    Durations are drawn one after the other, which is exact for any mean length, where
    `BurstSchedule` computes any instant of many VMs without those before it. The process is
    stationary from time 0. A time before the window starts the process again from time 0, which
    gives the same instants again.

    Args:
        burst: the lengths' distribution.
        start: returns the thing's generator, each time from its beginning.
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
        # What is left at time 0 of an interval that began before: an exponential time is
        # memoryless, of a fixed one a uniform share is left.
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
