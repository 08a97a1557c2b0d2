"""Hu's time series of dirty bits: a page dirty in K of its last N rounds waits."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import (
    Decision,
    FirstRound,
    PageCount,
    Strategy,
    ToSend,
    strategies,
    to_skip,
)

Window = Literal["inclusive", "exclusive"]


@strategies.register("time-series")
@dataclass(frozen=True, kw_only=True)
class TimeSeries(Strategy):
    """Send a page of to_send that is clean now iff it was dirty in fewer than K of N rounds.

    The full text could not be had, so each point on which its descriptions differ is a parameter.
    With an inclusive window and K = N nothing is ever filtered (the last of the N bits is the clean
    peek), which makes it `XenLegacy`; with K = ceil(N/2) it is `HistoryMajority`.

    Args:
        history: rounds in the window (N).
        threshold: dirty rounds in the window that make a page a hot one (K), 1 to N.
        window: "inclusive" counts the current round as the last of the N, "exclusive" counts the
            N rounds before it.
        sticky_last: what happens to a hot page: True leaves it to stop-and-copy for good
            (to_send_last never cleared), False decides again in every round. Which one is meant
            is not known; False is the default because it alone makes the table with K = ceil(N/2)
            equal `HistoryMajority` in every decision.
        to_send: "sticky" keeps a page there until it is sent; "literal" recomputes to_send from the
            dirty log alone, and stop-and-copy sends what that would lose.
        first_round: "full" sends every page in round 1, "peek" treats it like the others.
        peek_batch_pages: pages sent per peek at the dirty log.
    """

    name: ClassVar[str] = "time-series"
    summary: ClassVar[str] = "hold back a page that was dirty in K of its last N rounds"
    source: ClassVar[str] = "Hu et al., ICPADS 2011, abstract, and papers stating its rule"

    history: int = Field(default=5, ge=1, le=16)
    threshold: int = Field(default=4, ge=1, validate_default=True)
    window: Window = Field(default="inclusive", validate_default=True)
    sticky_last: bool = False
    to_send: ToSend = "sticky"
    first_round: FirstRound = "peek"
    peek_batch_pages: PageCount = 1

    @field_validator("threshold")
    @classmethod
    def _within_history(cls, threshold: int, info: ValidationInfo) -> int:
        history = info.data.get("history")
        if history is not None and threshold > history:
            raise ValueError(f"1 to {history} (the history)")
        return threshold

    @field_validator("window")
    @classmethod
    def _within_the_code(cls, window: Window, info: ValidationInfo) -> Window:
        if window == "exclusive" and info.data.get("history") == 16:
            raise ValueError("inclusive for a history of 16; an exclusive window is at most 15")
        return window

    @property
    def code_bits(self) -> int:
        """Return N, and one more where the window leaves out the current round."""
        return self.history if self.window == "inclusive" else self.history + 1

    @property
    def stop_rule(self) -> str:
        """Return the five iterations that the reference paper gives its baseline."""
        return "fixed-rounds:rounds=5"

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return SKIP for a page dirty now, and hold back one too often dirty before."""
        if first_round and self.first_round == "full":
            return Decision.SEND
        if to_skip(code):
            return Decision.SKIP
        dirty_rounds = code.bit_count()
        if dirty_rounds < self.threshold:
            return Decision.SEND
        return Decision.DEFER if self.sticky_last else Decision.SKIP
