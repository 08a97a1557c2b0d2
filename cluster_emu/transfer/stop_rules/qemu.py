"""When QEMU switches over: as soon as the rest fits into the downtime that is allowed."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress
from cluster_emu.transfer.stop_rules.contract import DeadlineStopRule, at_rest, stop, stop_rules
from cluster_emu.units import PositiveSeconds, TimeLimit


@stop_rules.register("qemu")
@dataclass(frozen=True, kw_only=True)
class QemuStop(DeadlineStopRule):
    """Stop when the bytes left are less than bandwidth x downtime limit; no limit on rounds.

    For a VM that writes faster than the link this never holds: QEMU continues until someone
    cancels. Here it continues until the deadline, and the migration counts as not converged.

    Args:
        downtime_limit_s: downtime that is allowed (downtime-limit).
        deadline_s: seconds after the first page; "unlimited" for never.
        at_deadline: what the deadline does, see `DeadlineStopRule`.
    """

    name: ClassVar[str] = "qemu"
    summary: ClassVar[str] = "stop when the rest fits the downtime limit, however long that takes"
    source: ClassVar[str] = "QEMU migration/migration.c, defaults of options.c"

    downtime_limit_s: PositiveSeconds = 0.3
    deadline_s: TimeLimit = 3600.0

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP if the rest fits, or if live rounds can do no more."""
        if rest := at_rest(progress):
            return rest
        # A round that reaches no page was cut short at once: what is due fits at the present rate,
        # which may be above the rate of the last round that took time.
        visited = progress.sent_pages + progress.skipped_pages
        cut_at_once = visited == 0 and progress.unvisited_pages > 0
        if cut_at_once or progress.bytes_left < self.sync_threshold_bytes(progress.bytes_per_s):
            return stop(f"fits {self.downtime_limit_s:g} s of downtime")
        return CONTINUE

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return the threshold: QEMU reads the log again as soon as less than that is left."""
        return bytes_per_s * self.downtime_limit_s
