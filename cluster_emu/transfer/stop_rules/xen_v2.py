"""When Xen's present pre-copy suspends the VM."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, MigrationAction, Progress
from cluster_emu.transfer.stop_rules.contract import (
    DeadlineStopRule,
    few_pages_text,
    rounds_text,
    stop,
    stop_rules,
)


@stop_rules.register("xen-v2")
@dataclass(frozen=True, kw_only=True)
class XenV2Stop(DeadlineStopRule):
    """Stop after 5 rounds, or when fewer than 50 pages are dirty, which are sent live once more.

    Xen asks the policy before a round, and sends the pages of that round even if the answer is
    stop. So a VM of fewer than 50 pages has one round, and fewer than 50 dirty pages after round 1
    to 4 make one more live round. No migration sends more than 6 V pages.

    Args:
        max_rounds: live rounds after which no more are begun (SPP_MAX_ITERATIONS).
        min_pages: fewer dirty pages than this are the last to be sent live
            (SPP_TARGET_DIRTY_COUNT).
    """

    name: ClassVar[str] = "xen-v2"
    summary: ClassVar[str] = "stop after 5 rounds, or one round after fewer than 50 pages are dirty"
    source: ClassVar[str] = "Xen tools/libs/guest/xg_sr_save.c, simple_precopy_policy"

    max_rounds: int = Field(default=5, ge=1)
    min_pages: int = Field(default=50, ge=0)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP after the last round, LAST_ROUND if few pages are left to send in it."""
        if progress.round_number >= self.max_rounds:
            return stop(rounds_text(self.max_rounds))
        few = few_pages_text(self.min_pages)
        # Before round 1 every page counts as dirty, so that round was already the last.
        if progress.memory_pages < self.min_pages:
            return stop(few)
        if progress.pages_left >= self.min_pages:
            return CONTINUE
        if progress.pages_left == 0:
            return stop(few)
        return ControllerDecision(MigrationAction.LAST_ROUND, few)
