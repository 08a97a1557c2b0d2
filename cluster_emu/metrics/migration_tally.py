"""What the migrations of a run have come to so far, kept up to date at little cost per tick."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cluster_emu.transfer.flow import MigrationFlowGroup
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import MigrationRecord, Phase


class MigrationTally:
    """Sums over the migrations of a run, each counted once when it has ended.

    Args:
        records: every migration ever requested, by number; the list grows.
        live: every migration that has not ended, by number.
        flows: what they send.
        vm_count: number of VMs.

    Attributes:
        completed: how many have completed.
    """

    def __init__(
        self,
        records: Sequence[MigrationRecord],
        live: Mapping[int, Migration],
        flows: MigrationFlowGroup,
        vm_count: int,
    ) -> None:
        self.completed = 0
        self._records = records
        self._live = live
        self._flows = flows
        self._open: list[int] = []
        self._requested = 0
        self._sums = dict.fromkeys(("total_time_s", "downtime_s", "fault_stall_s", "bytes"), 0.0)
        self._bytes_ended = 0.0
        self._completed_of = np.zeros(vm_count, dtype=np.int64)
        self._downtime_s_of = np.zeros(vm_count)
        self._bytes_of = np.zeros(vm_count)

    def update(self) -> None:
        """Count the migrations that have ended since the last call."""
        self._open += range(self._requested, len(self._records))
        self._requested = len(self._records)
        if len(self._open) == len(self._live):
            return
        for number in self._open:
            if number not in self._live:
                self._count(self._records[number])
        self._open = [number for number in self._open if number in self._live]

    def mean(self, column: str) -> float:
        """Return the mean of a figure over completed migrations, NaN where there is none.

        Args:
            column: `total_time_s`, `downtime_s`, `fault_stall_s` or `bytes`.
        """
        return self._sums[column] / self.completed if self.completed else math.nan

    def bytes_sent(self, now_s: float) -> float:
        """Return the bytes that all migrations have sent, those under way too.

        Reading it changes nothing: no phase advances because of it.
        """
        under_way = sum(one.accounted_bytes for one in self._live.values())
        return self._bytes_ended + under_way + self._flows.unaccounted_bytes(now_s)

    def completed_of(self, vm: int) -> int:
        """Return how many migrations of a VM have completed."""
        return int(self._completed_of[vm])

    def downtime_s_of(self, vm: int) -> float:
        """Return the downtime of a VM over its migrations that have ended."""
        return float(self._downtime_s_of[vm])

    def bytes_of(self, vm: int) -> float:
        """Return the bytes sent for a VM by its migrations that have ended."""
        return float(self._bytes_of[vm])

    def _count(self, record: MigrationRecord) -> None:
        self._bytes_ended += record.bytes
        self._bytes_of[record.vm] += record.bytes
        if not math.isnan(record.downtime_s):
            self._downtime_s_of[record.vm] += record.downtime_s
        if record.outcome == Phase.COMPLETED.value:
            self.completed += 1
            self._completed_of[record.vm] += 1
            for column in self._sums:
                self._sums[column] += getattr(record, column)
