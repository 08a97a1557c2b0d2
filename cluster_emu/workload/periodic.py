"""On/off processes that repeat: fixed times on and off, each process from a phase of its own."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.columns import BoolColumn, FloatColumn, IntColumn


class PeriodicOnOff:
    """On/off processes with fixed times.

    Args:
        phases: how far through its first period each process is at time 0, 0..1, shape [rows].
        on_s: time on, with which a period begins, shape [rows].
        off_s: time off, shape [rows].
    """

    def __init__(self, phases: FloatColumn, on_s: FloatColumn, off_s: FloatColumn) -> None:
        self._on_s = on_s
        self._period_s = on_s + off_s
        self._begun_s = -phases * self._period_s

    def at(self, rows: IntColumn, time_s: float) -> tuple[BoolColumn, FloatColumn]:
        """Return whether processes are on, and until when, both [rows]."""
        begun_s, period_s = self._begun_s[rows], self._period_s[rows]
        number = np.floor((time_s - begun_s) / period_s)
        # The division is rounded: it may land on the wrong side of the start of a period.
        number -= begun_s + number * period_s > time_s
        number += begun_s + (number + 1.0) * period_s <= time_s
        off_from_s = begun_s + number * period_s + self._on_s[rows]
        on = time_s < off_from_s
        return on, np.where(on, off_from_s, begun_s + (number + 1.0) * period_s)

    def next_toggle(self, row: int, time_s: float) -> tuple[bool, float]:
        """Return whether one process is on, and until when."""
        on, until_s = self.at(np.array([row]), time_s)
        return bool(on[0]), float(until_s[0])
