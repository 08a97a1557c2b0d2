"""When QEMU switches over: as soon as the rest fits into the downtime that is allowed."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.transfer.stop_rules.base import (
    GO_ON,
    Answer,
    DeadlineStopRule,
    Seconds,
    at_rest,
)
from cluster_emu.transfer.stopping import Progress, Verdict, stop_rules


@stop_rules.register("qemu")
@dataclass(frozen=True, kw_only=True)
class QemuStop(DeadlineStopRule):
    """Stop when the bytes left are less than bandwidth x downtime limit; no limit on rounds.

    A VM that writes faster than the link never gets there: QEMU goes on until someone cancels, here
    until the deadline, and the migration counts as not converged.

    Args:
        downtime_limit_s: downtime that is allowed (downtime-limit).
        deadline_s: seconds after the first page at which to give up.
        at_deadline: what giving up means.
    """

    name: ClassVar[str] = "qemu"
    summary: ClassVar[str] = "stop when the rest fits the downtime limit, however long that takes"
    source: ClassVar[str] = "QEMU migration/migration.c, defaults of options.c"

    downtime_limit_s: Seconds = 0.3
    deadline_s: Seconds = 3600.0

    def judge(self, progress: Progress) -> Answer:
        """Return STOP if the rest fits, or if live rounds can do no more."""
        if rest := at_rest(progress):
            return rest
        if progress.bytes_left < self.sync_threshold_bytes(progress.bytes_per_s):
            return Verdict.STOP, f"fits {self.downtime_limit_s:g} s of downtime"
        return GO_ON

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return the threshold: QEMU reads the log anew as soon as what is left falls below it."""
        return bytes_per_s * self.downtime_limit_s
