"""What a page of a migrating VM is doing at one instant, for whoever looks at a migration."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from cluster_emu.strategies.contract import Decision


class PageState(IntEnum):
    """Where one page stands in the round under way; each page is in exactly one state."""

    CLEAN = 0
    """The target has its newest version, and it is not in to_send."""
    TO_SEND = 1
    """In to_send, and not visited in this round yet."""
    SENT = 2
    """Sent in this round, and not written since."""
    SKIPPED = 3
    """Visited and not sent, as its row of the truth table says "skip"."""
    DEFERRED = 4
    """Left to stop-and-copy, or out of to_send though the target's version is old."""
    DIRTIED = 5
    """The target had its newest version, and the VM has written it again in this round."""

    @property
    def label(self) -> str:
        """Return the state in words."""
        return _LABELS[self]


_LABELS = {
    PageState.CLEAN: "clean",
    PageState.TO_SEND: "to send",
    PageState.SENT: "sent",
    PageState.SKIPPED: "skipped",
    PageState.DEFERRED: "deferred",
    PageState.DIRTIED: "dirtied again",
}


class DecidedPages(NamedTuple):
    """Pages that were visited in the round under way, and which row of the table decided.

    Args:
        past: dirty bits of past rounds, the newest last; 0 where the strategy reads none.
        to_skip: what the decisive peek found; None where the decision is the same either way, so
            that nothing keeps what it found.
        decision: what the row says.
        pages: how many; not whole in the mean field.
    """

    past: int
    to_skip: bool | None
    decision: Decision
    pages: float
