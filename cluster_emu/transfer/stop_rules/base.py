"""What every stop rule shares: an optional deadline, and when live rounds can do no more."""

from __future__ import annotations

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.stopping import AtDeadline, Progress, StopRule, Verdict
from cluster_emu.units import PositiveSeconds

Seconds = PositiveSeconds
Answer = tuple[Verdict, str]

LONGEST_HISTORY = 16
"""Rounds after which a page's history code holds nothing of what was before."""

GO_ON: Answer = (Verdict.CONTINUE, "")


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DeadlineStopRule(StopRule):
    """A stop rule with an optional deadline; a rule overrides `judge`.

    Args:
        deadline_s: seconds after the first page; None for never.
        at_deadline: "abort" ends the migration as not converged, "stop" forces stop-and-copy.
    """

    deadline_s: Seconds | None = None
    at_deadline: AtDeadline = "abort"

    def judge(self, progress: Progress) -> Answer:
        """Return what the rule itself says, deadline aside."""
        return GO_ON

    def verdict(self, progress: Progress) -> Answer:
        """Return what follows the round; a deadline that has passed overrules going on."""
        verdict, reason = self.judge(progress)
        live = verdict in (Verdict.CONTINUE, Verdict.LAST_ROUND)
        if self.deadline_s is None or progress.elapsed_s < self.deadline_s or not live:
            return verdict, reason
        forced = Verdict.STOP if self.at_deadline == "stop" else Verdict.ABORT
        return forced, f"deadline of {self.deadline_s:g} s"

    def sync_threshold_bytes(self, bytes_per_s: float) -> float:
        """Return 0: a round visits every page that is due."""
        return 0.0


def rounds_text(count: int) -> str:
    """Return a number of rounds in words: ``1 round``, ``5 rounds``."""
    return "1 round" if count == 1 else f"{count} rounds"


def at_rest(progress: Progress) -> Answer | None:
    """Return the answer for a migration that live rounds cannot move any further, else None.

    A round that sends nothing takes no time, so nothing is written in it and no deadline comes
    nearer; a rule without a limit on rounds has to stop there. With nothing left, or nothing due
    (all that is left was deferred, or is due again only once it is written), the next round would
    be the same. With pages skipped it would not, as their histories move on, but it is the same
    once whole histories have gone by; that happens where dirty bits are given per round.
    """
    if progress.pages_left == 0:
        return Verdict.STOP, "nothing left"
    if progress.sent_pages > 0:
        return None
    if progress.skipped_pages == 0:
        return Verdict.STOP, "nothing due"
    unchanged = (progress.pages_left,) * LONGEST_HISTORY
    if progress.pages_left_before[-LONGEST_HISTORY:] == unchanged:
        return Verdict.STOP, "every page skipped"
    return None
