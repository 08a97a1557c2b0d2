"""When QEMU switches over: as soon as the rest fits into the downtime that is allowed."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress
from cluster_emu.transfer.stop_rules.contract import DeadlineStopRule, at_rest, stop, stop_rules
from cluster_emu.units import PositiveSeconds, TimeLimit

BANDWIDTH_WINDOW_S = 0.1
"""Time over which QEMU measures the bandwidth (BUFFER_DELAY)."""

ROUNDING_S = 1e-9
"""More than the rounding error of a time since the first page."""


@stop_rules.register("qemu")
@dataclass(frozen=True, kw_only=True)
class QemuStop(DeadlineStopRule):
    """Stop when the memory left is less than bandwidth x downtime limit; no limit on rounds.

    The memory left is the number of pages left times the page size: QEMU does not know what a page
    will take on the wire. The bandwidth is bytes on the wire per second. QEMU measures it over
    windows of 100 ms, so in the first one it is 0: then only a migration with nothing left stops.

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
        if progress.elapsed_s < self.bandwidth_known_s - ROUNDING_S:
            return CONTINUE
        # A round that reaches no page was cut short at once: what is due fits at the present rate,
        # which may be above the rate of the last round that took time.
        visited = progress.sent_pages + progress.skipped_pages
        cut_at_once = visited == 0 and progress.unvisited_pages > 0
        fits = progress.memory_bytes_left < self.sync_threshold_bytes(progress.bytes_per_s)
        if cut_at_once or fits:
            return stop(f"fits {self.downtime_limit_s:g} s of downtime")
        return CONTINUE

    @property
    def bandwidth_known_s(self) -> float:
        """Return the length of the first window in which QEMU measures the bandwidth."""
        return BANDWIDTH_WINDOW_S

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return the threshold: QEMU reads the log again as soon as less than that is left."""
        return bytes_per_s * self.downtime_limit_s
