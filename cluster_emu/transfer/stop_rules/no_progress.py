"""Stop when more rounds no longer help."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress
from cluster_emu.transfer.stop_rules.contract import (
    DeadlineStopRule,
    at_rest,
    rounds_text,
    stop,
    stop_rules,
)


@stop_rules.register("no-progress")
@dataclass(frozen=True, kw_only=True)
class NoProgress(DeadlineStopRule):
    """Stop when the pages left have been at least alpha x their minimum so far, m rounds running.

    It always ends: the minimum is a whole number that must decrease at least once in m rounds.

    Args:
        alpha: a round makes progress if it leaves fewer pages than alpha x the fewest any earlier
            round left; more than 0, at most 1.
        patience: rounds without progress in a row that end the live phase (m).
    """

    name: ClassVar[str] = "no-progress"
    summary: ClassVar[str] = "stop when the pages left have not shrunk for some rounds"
    source: ClassVar[str] = "Zhu et al., ITC-LM, 2013, as strategies citing it state the rule"

    alpha: float = Field(default=1.0, gt=0, le=1, allow_inf_nan=False)
    patience: int = Field(default=2, ge=1)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP if the last `patience` rounds made no progress."""
        if rest := at_rest(progress):
            return rest
        left = (*progress.pages_left_before, progress.pages_left)
        if len(left) <= self.patience:
            return CONTINUE
        recent = range(len(left) - self.patience, len(left))
        if any(left[index] < self.alpha * min(left[:index]) for index in recent):
            return CONTINUE
        return stop(f"no progress for {rounds_text(self.patience)}")
