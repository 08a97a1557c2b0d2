"""When the first live migration stopped: the VM dirties memory faster than it may be sent."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import CONTINUE, ControllerDecision, Progress
from cluster_emu.transfer.stop_rules.contract import DeadlineStopRule, at_rest, stop, stop_rules
from cluster_emu.units import BITS_PER_BYTE


@stop_rules.register("clark")
@dataclass(frozen=True, kw_only=True)
class ClarkStop(DeadlineStopRule):
    """Stop when less than 256 KiB is left, or the next round would have to run above the top rate.

    The next round's rate is the dirty rate of this one (pages left over the round's time) plus
    50 Mbit/s. Here it only decides when to stop, it does not limit the rate; and the top rate is
    the measured one where the link gives less. So below 50 Mbit/s there is one live round. It
    always ends, because a round that does not end it leaves fewer pages than it sent.

    Args:
        max_rate_bps: the administrator's upper limit (M).
        step_bps: how much faster than the VM dirties memory the next round must be.
        min_bytes: less than this is left to stop-and-copy.
    """

    name: ClassVar[str] = "clark"
    summary: ClassVar[str] = "stop at < 256 KiB, or when memory is dirtied too fast to catch up"
    source: ClassVar[str] = "Clark et al., NSDI 2005, dynamic rate limiting, as papers citing it do"

    max_rate_bps: float = Field(default=500e6, gt=0, allow_inf_nan=False)
    step_bps: float = Field(default=50e6, gt=0, allow_inf_nan=False)
    min_bytes: float = Field(default=262_144.0, ge=0, allow_inf_nan=False)

    def evaluate(self, progress: Progress) -> ControllerDecision:
        """Return STOP if little is left or catching up would take too high a rate."""
        if rest := at_rest(progress):
            return rest
        if progress.bytes_left < self.min_bytes:
            return stop(f"less than {self.min_bytes / 1024:g} KiB")
        rate_bps = progress.bytes_per_s * BITS_PER_BYTE
        # pages_left / (sent_pages / rate): both counts are of pages of one size
        dirty_bps = rate_bps * progress.pages_left / max(progress.sent_pages, 1)
        if dirty_bps + self.step_bps > min(self.max_rate_bps, rate_bps):
            return stop("dirty rate too high to catch up")
        return CONTINUE
