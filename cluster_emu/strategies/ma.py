"""Ma's improvement of pre-copy: a page found dirty in two consecutive peeks waits for the end."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Decision, PageCount, Strategy, strategies, to_skip


@strategies.register("ma")
@dataclass(frozen=True, kw_only=True)
class Ma(Strategy):
    """Put a page that is in to_send and in to_skip into to_send_last, for good.

    In round 1 to_send holds every page and says nothing about writes; a page found dirty then has
    been seen dirty once only, so it is skipped.

    Args:
        peek_batch_pages: pages sent per peek at the dirty log.
    """

    name: ClassVar[str] = "ma"
    summary: ClassVar[str] = "keep a page written twice running for stop-and-copy"
    source: ClassVar[str] = "Ma, Liu and Liu, ICSESS 2010, as papers citing it state the rule"

    peek_batch_pages: PageCount = 1

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return DEFER for a page the peek found dirty, SKIP in round 1."""
        if not to_skip(code):
            return Decision.SEND
        return Decision.SKIP if first_round else Decision.DEFER
