"""What a transfer strategy is: a truth table and a few constants, nothing else.

Every filter of the literature is a table over (round, to_send, history) -> decision. The memory
engines look decisions up in it; no other code may depend on which strategy runs.
"""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.html_card import card
from cluster_emu.plugins import Registry


class Decision(IntEnum):
    """What happens to a page at its visit, the moment the scan of a live round reaches it."""

    NOT_DUE = 0
    """The page is not in to_send, so the scan passes over it."""
    SEND = 1
    SKIP = 2
    """Not sent in this round; `Strategy.to_send` says whether it stays in to_send."""
    DEFER = 3
    """Not sent before stop-and-copy, however often it is written until then."""

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


ToSend = Literal["sticky", "literal"]
"""A page of to_send that a round did not send: "sticky" keeps it in to_send until it is sent;
"literal" recomputes to_send from the dirty log alone, so that it returns once it is dirty again."""

ClearGranularity = Literal["round", "chunk", "page"]
"""What part of the dirty log is cleared at once: all of it as a round begins, a chunk when its
first page is sent, or the bit of the page that is sent (QEMU: clear_bmap)."""

FirstRound = Literal["peek", "full"]
"""Round 1: "peek" uses the ordinary table, so that a page already written again is skipped;
"full" sends every page, even one the peek finds dirty."""

PageCount = Annotated[int, Field(ge=1)]

MOST_CARD_ROWS = 16
"""Rows of the truth table that a notebook shows."""

CHUNK_PAGES = 262_144
"""Pages of 4 KiB in the 1 GiB whose dirty log QEMU clears at once (clear_bmap_shift 18)."""

TOUCHES_PER_WRITE = 4.0
"""Page touches, reads included, per write. An assumption, right to an order of magnitude: reads
fault as well, but a write profile says only what is written."""


@plain_dataclass(frozen=True, slots=True)
class PeekSchedule:
    """When the scan of a live round peeks at the dirty log.

    Args:
        batch_pages: sent pages that share one peek; 0 for a scan that never peeks.
        fraction: where the decisive peek lies between the start of the round (0) and the visit (1);
            the scan does not notice a write after it.
    """

    batch_pages: int
    fraction: float


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Strategy:
    """A way of transferring a VM's memory; a method overrides only what is special about it.

    As it stands, the class is pre-copy that never peeks and sends every page of to_send. Subclasses
    are frozen pydantic dataclasses; their fields are the method's parameters. A field of a
    subclass may take the place of a property of the same name.
    """

    name: ClassVar[str]
    """The registered kebab-case name."""
    summary: ClassVar[str]
    """One line saying what it does."""
    source: ClassVar[str]
    """Where the rule comes from: paper and section, or source file and year."""

    mode: ClassVar[Mode] = Mode.PRE_COPY
    """The phases the method goes through."""

    # --- the truth table -------------------------------------------------------------------------

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return what happens to a page of to_send whose history code is `code`."""
        return Decision.SEND

    def table(self, round_number: int) -> NDArray[np.int8]:
        """Return the decisions of one live round (from 1), read-only, int8 [2, 2**code_bits].

        Row 0 holds to_send = 0 (all NOT_DUE), row 1 to_send = 1; the column is the history code.
        """
        return _table(self, round_number == 1)

    @property
    def history(self) -> int:
        """Number N of dirty bits the rule reads, as its paper counts them.

        1 for a rule that reads to_skip alone, the number of peeks for one that peeks several times
        a round. Engines need `code_bits` instead.
        """
        return 1

    @property
    def code_bits(self) -> int:
        """Bits in a page's history code, 1..16; the table has ``2**code_bits`` columns.

        It is `history`, or one more where the rule's window leaves out the current round. With
        ``peeks == 1`` the last bit (least significant) is to_skip, this round's dirty bit as the
        peek saw it, the bit before it is the previous round's dirty bit, and so on, oldest first;
        bits from before the dirty log was switched on are 0.
        """
        return self.history

    @property
    def past_bits(self) -> int:
        """Dirty bits of past rounds in the history code: those an engine has to keep per page.

        0 where the code holds to_skip alone, or the peeks of this round alone (``peeks > 1``).
        """
        return self.code_bits - 1 if self.peeks == 1 else 0

    @property
    def to_send(self) -> ToSend:
        """Whether a page that is neither sent nor deferred stays in to_send.

        With "literal" the updates that would be lost wait for stop-and-copy.
        """
        return "sticky"

    @property
    def stop_rule(self) -> str:
        """The rule that ends the method's live rounds unless a scenario sets one.

        Text as a scenario has it, ``"fixed-rounds:rounds=5"``; empty for a method without live
        rounds. A plug-in that does not say gets Xen's first rule, which ends every migration.
        """
        return "xen-legacy"

    def _repr_html_(self) -> str:
        bits = self.code_bits
        decisions = self.table(2)[1].tolist()
        rows = [
            (f"{code:0{bits}b}", Decision(decision).label)
            for code, decision in enumerate(decisions[:MOST_CARD_ROWS])
        ]
        left_out = len(decisions) - len(rows)
        return card(
            "Strategy",
            f"{self.name}: {self.summary}",
            facts=[("mode", self.mode.value), ("source", self.source)],
            columns=("dirty bits, oldest first", "a page of to_send"),
            rows=rows,
            note=f"and {left_out} rows more" if left_out else "",
        )

    # --- the scan: peeks at the dirty log, and when it is cleared --------------------------------

    @property
    def peeks(self) -> int:
        """How often the dirty log is read, but not cleared, before a page's visit.

        With s > 1 the code holds no rounds but the s peeks of this round, oldest first, evenly
        spaced between the start of the round and the page's visit, the last one at the visit.
        """
        return 1

    @property
    def peek_batch_pages(self) -> int:
        """How many sent pages share one peek at the dirty log.

        0 means the strategy never peeks, so to_skip is always 0 for it.
        """
        return 0

    @property
    def peek_schedule(self) -> PeekSchedule:
        """When the scan peeks, in the form the engines need.

        Of s evenly spaced peeks at a log that is not cleared in between, those after the first
        write of a page all find it dirty. If the table sends a page with at most t dirty peeks, the
        decisive peek is the (s - t)-th, at the share (s - t) / s of the time to the visit.
        """
        if self.peeks == 1:
            return PeekSchedule(self.peek_batch_pages, 1.0)
        row = self.table(2)[1]
        tolerated = max(
            (dirty for dirty in range(self.peeks) if row[(1 << dirty) - 1] == Decision.SEND),
            default=0,
        )
        return PeekSchedule(self.peek_batch_pages, (self.peeks - tolerated) / self.peeks)

    @property
    def clear_granularity(self) -> ClearGranularity:
        """When the dirty bit of a page of to_send is cleared."""
        return "round"

    @property
    def chunk_pages(self) -> int:
        """Pages whose dirty bits are cleared together where `clear_granularity` is "chunk"."""
        return CHUNK_PAGES

    @property
    def cyclic(self) -> bool:
        """Whether a round's scan continues where the last one ended, not from the lowest address.

        The two differ only where a round may end before every page of to_send has been visited.
        """
        return False

    # --- after the VM has resumed at the target --------------------------------------------------
    # A manager's policy may switch any migration to post-copy, so every strategy has these.

    @property
    def live_rounds(self) -> int:
        """For HYBRID, the live rounds before post-copy at the latest; else ignored."""
        return 0

    @property
    def bubbling(self) -> bool:
        """Whether pages are pushed outwards from the last fault, not upwards from it."""
        return True

    @property
    def pivots(self) -> int:
        """How many of the last faults the pushed pages surround, in equal parts."""
        return 1

    @property
    def preempt(self) -> bool:
        """Whether a requested page overtakes the pushed ones (QEMU postcopy-preempt, 8.0)."""
        return True

    @property
    def touches_per_write(self) -> float:
        """Page touches, reads included, per write of the VM."""
        return TOUCHES_PER_WRITE

    @property
    def ballooned_share(self) -> float:
        """Share of memory that the guest returns to the hypervisor first and that is never sent."""
        return 0.0


def send_alike(a: Strategy, b: Strategy, page_count: int) -> bool:
    """Return whether two strategies send the same pages of such a VM in rounds of equal length.

    Their names, stop rules and unused parameters may differ.
    """
    bits = max(a.code_bits, b.code_bits)
    return _conduct(a, page_count) == _conduct(b, page_count) and all(
        np.array_equal(_widened(a, number, bits), _widened(b, number, bits)) for number in (1, 2)
    )


def _conduct(strategy: Strategy, page_count: int) -> tuple[object, ...]:
    """Return what decides about pages besides the truth table, where it makes a difference."""
    clear: object = strategy.clear_granularity
    if clear == "chunk":
        # one chunk is cleared as a whole when the round sends its first page
        clear = "round" if strategy.chunk_pages >= page_count else strategy.chunk_pages
    peeks: object = strategy.peek_schedule if strategy.peek_batch_pages else None
    after_resume: object = None
    if strategy.mode in (Mode.POST_COPY, Mode.HYBRID):
        after_resume = (
            strategy.live_rounds,
            strategy.bubbling,
            strategy.pivots,
            strategy.preempt,
            strategy.touches_per_write,
        )
    return (
        strategy.mode,
        strategy.to_send,
        strategy.ballooned_share,
        strategy.peeks,
        peeks,
        clear,
        after_resume,
    )


def _widened(strategy: Strategy, round_number: int, bits: int) -> NDArray[np.int8]:
    """Return the decisions of a round for histories of so many bits, the older ones ignored."""
    codes = np.arange(2**bits) % 2**strategy.code_bits
    if strategy.peek_batch_pages == 0:
        codes &= ~1  # without a peek to_skip is always 0
    return strategy.table(round_number)[:, codes]


def to_skip(code: int) -> bool:
    """Return whether the last peek at the log found the page dirty (the code's last bit)."""
    return bool(code & 1)


@lru_cache(maxsize=256)
def _table(strategy: Strategy, first_round: bool) -> NDArray[np.int8]:
    codes = range(2**strategy.code_bits)
    due = [strategy.decide(code, first_round=first_round) for code in codes]
    table = np.array([[Decision.NOT_DUE] * len(due), due], dtype=np.int8)
    table.setflags(write=False)
    return table


strategies: Registry[Strategy] = Registry(
    "strategy",
    "cluster_emu.strategies",
    package="cluster_emu.strategies",
    summary="which pages are sent when: pre-copy, post-copy and history filters",
)
