"""Xen's first pre-copy: a page already written again is not worth sending in this round."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import (
    Decision,
    FirstRound,
    PageCount,
    Strategy,
    strategies,
    to_skip,
)


@strategies.register("xen-legacy")
@dataclass(frozen=True, kw_only=True)
class XenLegacy(Strategy):
    """Send a page iff it is in to_send and not in to_skip.

    Args:
        peek_batch_pages: pages sent per peek at the dirty log (MAX_BATCH_SIZE).
        first_round: "peek" skips already in round 1, as the code does on guests without
            superpages; "full" sends every page then, as its comment says.
    """

    name: ClassVar[str] = "xen-legacy"
    summary: ClassVar[str] = "skip a page that was written again since the round began"
    source: ClassVar[str] = "Xen xc_linux_save.c (2005) to xc_domain_save.c (2015)"

    peek_batch_pages: PageCount = 1024
    first_round: FirstRound = "peek"

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return SKIP for a page the peek found dirty."""
        if first_round and self.first_round == "full":
            return Decision.SEND
        return Decision.SKIP if to_skip(code) else Decision.SEND
