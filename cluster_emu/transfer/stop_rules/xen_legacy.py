"""When Xen's first pre-copy suspends the VM."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress
from cluster_emu.transfer.stop_rules.contract import (
    DeadlineStopRule,
    few_pages_text,
    rounds_text,
    stop,
    stop_rules,
)


@stop_rules.register("xen-legacy")
@dataclass(frozen=True, kw_only=True)
class XenLegacyStop(DeadlineStopRule):
    """Stop after 29 rounds, a round of fewer than 50 pages, or more than 3 x memory sent.

    A round's pages are those sent and those skipped. The last of the "30 times round" is
    stop-and-copy. With V pages of memory no migration sends more than 5 V pages, and none that
    skips pages written before their turn more than 5 V - 1.

    Args:
        max_rounds: live rounds at most (max_iters).
        min_pages: a round that sent and skipped fewer is the last one.
        max_factor: memory sizes that may have been sent.
    """

    name: ClassVar[str] = "xen-legacy"
    summary: ClassVar[str] = "stop after 29 rounds, a round of < 50 pages, or > 3 x memory sent"
    source: ClassVar[str] = "Xen xc_domain_save.c (to 2015)"

    max_rounds: int = Field(default=29, ge=1)
    min_pages: int = Field(default=50, ge=0)
    max_factor: float = Field(default=3.0, gt=0, allow_inf_nan=False)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP if any of the three conditions holds."""
        if progress.round_number >= self.max_rounds:
            return stop(rounds_text(self.max_rounds))
        if progress.sent_pages + progress.skipped_pages < self.min_pages:
            return stop(few_pages_text(self.min_pages))
        if progress.total_sent_pages > self.max_factor * progress.memory_pages:
            return stop(f"more than {self.max_factor:g} x memory sent")
        return CONTINUE
