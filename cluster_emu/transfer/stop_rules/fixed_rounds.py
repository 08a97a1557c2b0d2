"""A number of rounds given in advance."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.stop_rules.base import GO_ON, Answer, DeadlineStopRule, rounds_text
from cluster_emu.transfer.stopping import Progress, Verdict, stop_rules


@stop_rules.register("fixed-rounds")
@dataclass(frozen=True, kw_only=True)
class FixedRounds(DeadlineStopRule):
    """Stop after so many live rounds, whatever they achieved.

    Args:
        rounds: live rounds, the first full copy included.
    """

    name: ClassVar[str] = "fixed-rounds"
    summary: ClassVar[str] = "stop after a given number of rounds"
    source: ClassVar[str] = "Jain and Agrawal, IJEM 6(6), 2016, 5 iterations"

    rounds: int = Field(default=5, ge=1)

    def judge(self, progress: Progress) -> Answer:
        """Return STOP once the rounds are over."""
        if progress.round_number < self.rounds:
            return GO_ON
        return Verdict.STOP, rounds_text(self.rounds)
