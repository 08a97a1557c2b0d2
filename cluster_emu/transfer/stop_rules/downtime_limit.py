"""Stop when what is left after a round fits the downtime that is allowed."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress, SureRounds
from cluster_emu.transfer.stop_rules.contract import (
    ANY_NUMBER_OF_ROUNDS,
    DeadlineStopRule,
    at_rest,
    stop,
    stop_rules,
)

RATE_ERROR = 1e-6
"""More than the rounding error of a rate that is measured over one round."""


@stop_rules.register("downtime-limit")
@dataclass(frozen=True, kw_only=True)
class DowntimeLimit(DeadlineStopRule):
    """Stop after a round that leaves no more bytes than its rate sends in the allowed downtime.

    Without a deadline it may never end: a VM that dirties memory faster than the link carries it
    migrates as long as the run lasts.

    Args:
        downtime_limit_s: the downtime allowed.
    """

    name: ClassVar[str] = "downtime-limit"
    summary: ClassVar[str] = "stop when what a round left fits rate x downtime limit"
    source: ClassVar[str] = "SimGrid's live-migration plug-in (30 ms), and others like it"

    downtime_limit_s: float = Field(default=0.03, ge=0, allow_inf_nan=False)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP if what is left fits, in whole bytes."""
        if rest := at_rest(progress):
            return rest
        if progress.bytes_left <= math.floor(progress.bytes_per_s * self.downtime_limit_s):
            return stop(f"fits {self.downtime_limit_s:g} s of downtime")
        return CONTINUE

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return any number of rounds that leave clearly more than fits at the same rate."""
        fits_bytes = progress.bytes_per_s * self.downtime_limit_s * (1.0 + RATE_ERROR)
        page_bytes = progress.bytes_left / progress.pages_left
        return SureRounds(ANY_NUMBER_OF_ROUNDS, 2 + math.ceil(fits_bytes / page_bytes))
