"""A strategy written down as what happens to one due page; its table is made from that."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Carry, Clear, Decision, Mode, Strategy

FirstRound = Literal["peek", "full"]
"""Round 1: "peek" uses the ordinary table, so that a page already written again is skipped;
"full" sends every page whatever its peek says."""

ToSend = Literal["sticky", "literal"]
"""A due page that was not sent: "sticky" stays due, "literal" is due again once it is dirty."""

PageCount = Annotated[int, Field(ge=1)]

CHUNK_PAGES = 262_144
"""Pages of 4 KiB in the 1 GiB whose dirty log QEMU clears at once (clear_bmap_shift 18)."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TableStrategy(Strategy):
    """What most methods have in common; a method overrides only what is special about it.

    As it stands: pre-copy that never looks at the log during a round and sends every due page.
    """

    @property
    def mode(self) -> Mode:
        """Return the phases the method goes through."""
        return Mode.PRE_COPY

    @property
    def history(self) -> int:
        """Return how many dirty bits the rule looks at."""
        return 1

    @property
    def code_bits(self) -> int:
        """Return the width of the history code that indexes the table."""
        return self.history

    @property
    def peeks(self) -> int:
        """Return how often the log is looked at before a page's turn."""
        return 1

    @property
    def peek_batch_pages(self) -> int:
        """Return how many sent pages share one look at the log, 0 for never."""
        return 0

    @property
    def carry(self) -> Carry:
        """Return what becomes of a due page that was not sent."""
        return "due"

    @property
    def clear(self) -> Clear:
        """Return when the dirty bit of a due page is cleared."""
        return "round"

    @property
    def chunk_pages(self) -> int:
        """Return how many pages share one clearing of the log where `clear` is "chunk"."""
        return CHUNK_PAGES

    @property
    def cyclic(self) -> bool:
        """Return whether a round's scan goes on where the last one ended."""
        return False

    @property
    def live_rounds(self) -> int:
        """Return the live rounds before post-copy (hybrid only)."""
        return 0

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return what happens to a due page whose history code is `code`."""
        return Decision.SEND

    def table(self, round_number: int) -> NDArray[np.int8]:
        """Return the decisions of one live round (from 1), read-only, int8 [2, 2**code_bits]."""
        return _table(self, round_number == 1)

    def _decide_all(self, first_round: bool) -> list[Decision]:
        return [self.decide(code, first_round=first_round) for code in range(2**self.code_bits)]


def to_skip(code: int) -> bool:
    """Return whether the last look at the log found the page dirty (the code's last bit)."""
    return bool(code & 1)


@lru_cache(maxsize=256)
def _table(strategy: TableStrategy, first_round: bool) -> NDArray[np.int8]:
    due = strategy._decide_all(first_round)
    not_due = [Decision.NOT_DUE] * len(due)
    table = np.array([not_due, due], dtype=np.int8)
    table.setflags(write=False)
    return table
