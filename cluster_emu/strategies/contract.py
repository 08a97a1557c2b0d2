"""What a transfer strategy is: a truth table and a few constants, nothing else.

Every filter of the literature is a table over (round, to_send, history) -> decision. Both memory
engines look decisions up in it; nothing else in the package may know which strategy runs.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.registry import Registry


class Decision(IntEnum):
    """What happens to a page at its turn in a live round."""

    NOT_DUE = 0
    SEND = 1
    SKIP = 2
    """Not sent in this round; whether it stays due is the strategy's `carry`."""
    DEFER = 3
    """Not sent before stop-and-copy, whatever happens to it until then."""

    @property
    def label(self) -> str:
        """Return the decision as it is printed: ``not-due``, ``send``, ``skip``, ``defer``."""
        return self.name.lower().replace("_", "-")


class Mode(StrEnum):
    """Which phases a migration goes through, in order."""

    STOP_AND_COPY = "stop-and-copy"
    PRE_COPY = "pre-copy"
    POST_COPY = "post-copy"
    HYBRID = "hybrid"


Carry = Literal["due", "log"]
Clear = Literal["round", "chunk", "page"]


class Strategy(Protocol):
    """A way of transferring a VM's memory. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where the rule comes from (paper, section; or source file and year).
        mode: the phases it goes through.
        history: number N of bits in a page's history code, 1..16. With ``peeks == 1`` the last bit
            (least significant) is to_skip, this round's dirty bit as the peek saw it, the bit
            before it is the previous round's dirty bit, and so on, oldest first.
        peeks: how often the dirty log is looked at before a page's turn. With s > 1 the code has s
            bits, one per peek, evenly spaced between the start of the round and the page's turn.
        peek_batch_pages: how many sent pages share one look at the dirty log; 0 means the strategy
            never looks, so to_skip is always 0 for it.
        carry: what becomes of a due page that was not sent and not deferred: "due" keeps to_send set
            until it is sent (sticky); "log" recomputes to_send from the dirty log alone (the
            literal reading), and the updates that would be lost wait for stop-and-copy.
        clear: when the dirty bit of a due page is cleared: with the whole log at the start of a
            round, when the first page of its 1 GiB chunk is sent, or when the page itself is sent.
        cyclic: whether a round's scan goes on from where the last one ended instead of from
            the lowest address (they differ only where a round may end before it is drained).
        chunk_pages: pages that share one clearing of the log when `clear` is "chunk".
        live_rounds: for HYBRID, the live rounds before post-copy at the latest; else ignored.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    @property
    def mode(self) -> Mode: ...
    @property
    def history(self) -> int: ...
    @property
    def peeks(self) -> int: ...
    @property
    def peek_batch_pages(self) -> int: ...
    @property
    def carry(self) -> Carry: ...
    @property
    def clear(self) -> Clear: ...
    @property
    def chunk_pages(self) -> int: ...
    @property
    def cyclic(self) -> bool: ...
    @property
    def live_rounds(self) -> int: ...

    def table(self, round_number: int) -> NDArray[np.int8]:
        """Return the decisions of one live round (from 1), int8 [2, 2**history].

        Row 0 holds to_send = 0 (all NOT_DUE), row 1 to_send = 1; the column is the history code.
        """
        ...


strategies: Registry[Strategy] = Registry("strategy", "cluster_emu.strategies")
