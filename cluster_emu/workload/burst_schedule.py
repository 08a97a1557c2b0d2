"""The bursts of all VMs: who is in a burst when, as a function of time alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from cluster_emu.cluster.columns import BoolColumn, FloatColumn, IntColumn
from cluster_emu.rng import Purpose, RandomStreams
from cluster_emu.workload.bursts import Burst
from cluster_emu.workload.on_off import ExponentialOnOff
from cluster_emu.workload.periodic import PeriodicOnOff


class BurstSchedule:
    """The burst level of every VM over time.

    Args:
        bursts: each VM's bursts, None for a VM that writes evenly; shape [vms].
        streams: where each VM's own key is drawn from.
    """

    def __init__(self, bursts: Sequence[Burst | None], streams: RandomStreams) -> None:
        self.vm_count = len(bursts)
        # One key for every VM, bursty or not: a VM's bursts must not depend on the other VMs.
        drawn = streams.generator(Purpose.BURSTS)
        keys = drawn.integers(2**64, size=len(bursts), dtype=np.uint64)
        random = _Columns(bursts, "exponential")
        fixed = _Columns(bursts, "fixed")
        phases = keys[fixed.vms].astype(np.float64) * 2.0**-64
        self._groups = (
            _Group(random, ExponentialOnOff(keys[random.vms], random.on_s, random.off_s)),
            _Group(fixed, PeriodicOnOff(phases, fixed.on_s, fixed.off_s)),
        )
        self._found = {
            int(vm): (group, row) for group in self._groups for row, vm in enumerate(group.vms)
        }

    def level_at(self, time_s: float) -> FloatColumn:
        """Return the factor on every VM's intensity, 1 in a burst, a new array of shape [vms]."""
        levels = np.ones(self.vm_count)
        for group in self._groups:
            levels[group.vms] = group.levels(time_s)
        return levels

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
    """The processes of some VMs, and what they were last found to be."""

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
        self._on[stale], self._until_s[stale] = self._process.at(stale, time_s)
        self._since_s[stale] = time_s
        return np.where(self._on, 1.0, self.level_off)

    def toggle(self, row: int, time_s: float) -> tuple[bool, float]:
        """Return whether one process is on, and until when."""
        since_s, on, until_s = self._toggles.get(row, (0.0, False, 0.0))
        if not since_s <= time_s < until_s:
            on, until_s = self._process.next_toggle(row, time_s)
            self._toggles[row] = (time_s, on, until_s)
        return on, until_s
