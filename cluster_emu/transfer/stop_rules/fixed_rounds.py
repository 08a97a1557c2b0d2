"""A number of rounds given in advance."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    Progress,
    SureRounds,
)
from cluster_emu.transfer.stop_rules.contract import DeadlineStopRule, rounds_text, stop, stop_rules


@stop_rules.register("fixed-rounds")
@dataclass(frozen=True, kw_only=True)
class FixedRounds(DeadlineStopRule):
    """Stop after a fixed number of live rounds.

    Args:
        rounds: live rounds, the first full copy included.
    """

    name: ClassVar[str] = "fixed-rounds"
    summary: ClassVar[str] = "stop after a given number of rounds"
    source: ClassVar[str] = "Jain and Agrawal, IJEM 6(6), 2016, 5 iterations"

    rounds: int = Field(default=5, ge=1)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP once the rounds are over."""
        if progress.round_number < self.rounds:
            return CONTINUE
        return stop(rounds_text(self.rounds))

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return all rounds before the last one."""
        return SureRounds(self.rounds - 1 - progress.round_number)
