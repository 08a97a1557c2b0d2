"""The reference paper's proposal: send a page that was clean more often than dirty."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
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


@strategies.register("history-majority")
@dataclass(frozen=True, kw_only=True)
class HistoryMajority(Strategy):
    """Send a page of to_send that is clean now iff X < N - X.

    X is the number of dirty bits among its last N. They include the current round (to_skip, last)
    and the previous one (to_send, before it); read so, the formula gives the paper's Table 2, where
    of 16 histories only 0010 is sent. A page held back is tried again in the next round. No
    threshold is given, yet the rule is `TimeSeries` with K = ceil(N/2) for every N.

    Args:
        history: rounds in the window (N); with 2, a page just written is held back.
        to_send: "sticky" keeps a page there until it is sent. "literal" is the paper's wording,
            to_send = written in the last round: a page held back while clean then leaves to_send
            and its update would be lost, so stop-and-copy sends it.
        first_round: "full" sends every page in round 1 (the paper's introduction), "peek" treats
            it like the others (its pseudo-code).
        peek_batch_pages: pages sent per peek at the dirty log.
    """

    name: ClassVar[str] = "history-majority"
    summary: ClassVar[str] = "hold back a page that was dirty in half or more of its last N rounds"
    source: ClassVar[str] = "Jain and Agrawal, IJEM 6(6), 2016, Tables 1 and 2"

    history: int = Field(default=5, ge=2, le=16)
    to_send: ToSend = "sticky"
    first_round: FirstRound = "peek"
    peek_batch_pages: PageCount = 1

    @property
    def stop_rule(self) -> str:
        """Return the five iterations of the paper."""
        return "fixed-rounds:rounds=5"

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return SEND for a page that is clean now and was so more often than not."""
        if first_round and self.first_round == "full":
            return Decision.SEND
        dirty_rounds = code.bit_count()
        clean_rounds = self.history - dirty_rounds
        return Decision.SEND if not to_skip(code) and dirty_rounds < clean_rounds else Decision.SKIP
