"""A time limit alone."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress, SureRounds
from cluster_emu.transfer.stop_rules.contract import (
    ANY_NUMBER_OF_ROUNDS,
    AtDeadline,
    DeadlineStopRule,
    at_rest,
    stop_rules,
)
from cluster_emu.units import PositiveSeconds


@stop_rules.register("deadline")
@dataclass(frozen=True, kw_only=True)
class Deadline(DeadlineStopRule):
    """Stop at the deadline, or sooner if live rounds can do no more; no limit on rounds.

    Args:
        deadline_s: seconds after the first page.
        at_deadline: "stop" forces stop-and-copy, "abort" ends the migration as not converged.
    """

    name: ClassVar[str] = "deadline"
    summary: ClassVar[str] = "continue until a time limit, then stop or abort"
    source: ClassVar[str] = "common practice, for example a cancel after so many seconds"

    deadline_s: PositiveSeconds = Field()  # the base class's default must not be inherited
    at_deadline: AtDeadline = "stop"

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP if live rounds can do no more."""
        return at_rest(progress) or CONTINUE

    def sure_rounds(self, progress: Progress) -> SureRounds:
        """Return any number of rounds: only one that sends or leaves nothing can be the last."""
        return SureRounds(ANY_NUMBER_OF_ROUNDS)
