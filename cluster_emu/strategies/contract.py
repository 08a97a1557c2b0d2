"""What a transfer strategy is: a truth table and a few constants, nothing else.

Every filter of the literature is a table over (round, to_send, history) -> decision. Both memory
engines look decisions up in it; nothing else in the package may know which strategy runs.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.plugins import Registry


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
    """A way of transferring a VM's memory. Implementations are frozen pydantic dataclasses."""

    name: ClassVar[str]
    """The registered kebab-case name."""
    summary: ClassVar[str]
    """One line saying what it does."""
    source: ClassVar[str]
    """Where the rule comes from: paper and section, or source file and year."""

    @property
    def mode(self) -> Mode:
        """The phases it goes through."""

    @property
    def history(self) -> int:
        """Number N of dirty bits the rule looks at, as its paper counts them.

        1 for a rule that looks at to_skip alone, the number of peeks for one that peeks several
        times a round. Engines need `code_bits` instead.
        """

    @property
    def code_bits(self) -> int:
        """Bits in a page's history code, 1..16; the table has ``2**code_bits`` columns.

        It is `history`, or one more where the rule's window leaves out the current round. With
        ``peeks == 1`` the last bit (least significant) is to_skip, this round's dirty bit as the
        peek saw it, the bit before it is the previous round's dirty bit, and so on, oldest first;
        bits from before the dirty log was switched on are 0.
        """

    @property
    def peeks(self) -> int:
        """How often the dirty log is looked at, but not cleared, before a page's turn.

        With s > 1 the code holds no rounds but the s peeks of this round, oldest first, evenly
        spaced between the start of the round and the page's turn, where the last one falls.
        """

    @property
    def peek_batch_pages(self) -> int:
        """How many sent pages share one look at the dirty log.

        0 means the strategy never looks, so to_skip is always 0 for it.
        """

    @property
    def carry(self) -> Carry:
        """What becomes of a due page that was neither sent nor deferred.

        "due" keeps to_send set until the page is sent (sticky); "log" recomputes to_send from the
        dirty log alone (literal), and the updates that would be lost wait for stop-and-copy.
        """

    @property
    def clear(self) -> Clear:
        """When the dirty bit of a due page is cleared.

        With the whole log at the start of a round, when the first page of its chunk is sent, or
        when the page itself is sent.
        """

    @property
    def chunk_pages(self) -> int:
        """Pages that share one clearing of the log where `clear` is "chunk"."""

    @property
    def cyclic(self) -> bool:
        """Whether a round's scan goes on where the last one ended, not from the lowest address.

        The two differ only where a round may end before it is drained.
        """

    @property
    def live_rounds(self) -> int:
        """For HYBRID, the live rounds before post-copy at the latest; else ignored."""

    def table(self, round_number: int) -> NDArray[np.int8]:
        """Return the decisions of one live round (from 1), read-only, int8 [2, 2**code_bits].

        Row 0 holds to_send = 0 (all NOT_DUE), row 1 to_send = 1; the column is the history code.
        """
        ...


strategies: Registry[Strategy] = Registry(
    "strategy",
    "cluster_emu.strategies",
    package="cluster_emu.strategies",
    summary="which pages are sent when: pre-copy, post-copy and history filters",
)
