"""One page under a strategy's table, with its dirty bit of each round given: plain integers only.

Pages do not influence each other when dirty bits are given, so one page is all there is to it. The
engines have to agree with this; it shares no code with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from cluster_emu.strategies import Decision, Strategy

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class PageCounts:
    """How often one page was sent before stop-and-copy and in it, and whether its update was lost.

    `lost_updates` is 1 for a page that stop-and-copy would have missed had it sent to_send and
    to_send_last only.
    """

    before_stop: int | Fraction
    in_stop: int | Fraction
    lost_updates: int | Fraction = 0

    @property
    def total(self) -> int | Fraction:
        return self.before_stop + self.in_stop


@dataclass(frozen=True)
class SendSet:
    """A made-up filter: the codes that are sent once the page is due, anything else is skipped."""

    codes: frozenset[int]
    code_bits: int
    to_send: str
    peeks: int = 1
    peek_batch_pages: int = 1

    def table(self, round_number: int) -> np.ndarray:
        sends = [Decision.SEND if code in self.codes else Decision.SKIP for code in self._columns]
        return np.array([[Decision.NOT_DUE] * len(sends), sends])

    @property
    def _columns(self) -> range:
        return range(2**self.code_bits)


def migrate_page(
    strategy: Strategy | SendSet, dirty: Sequence[int], warm: Sequence[int] = ()
) -> PageCounts:
    """Run one live round per bit of `dirty`, after logging the bits of `warm`, then stop."""
    history = list(warm)
    due, stale, deferred, sends = True, True, False, 0
    for round_number, bit in enumerate(dirty, start=1):
        code = _code(strategy, history, bit)
        decision = strategy.table(round_number)[int(due), code]
        sent = decision == Decision.SEND
        sends += sent
        deferred = deferred or decision == Decision.DEFER
        stale = (stale and not sent) or bool(bit)
        due = (stale if strategy.to_send == "sticky" else bool(bit)) and not deferred
        history.append(bit)
    return PageCounts(int(sends), int(stale), int(stale and not due and not deferred))


def exact_means(
    strategy: Strategy, *, rounds: int = 5, p: Fraction = HALF, warm: bool = True
) -> PageCounts:
    """Return the means over every sequence of dirty bits, each bit 1 with probability `p`."""
    warm_bits = strategy.code_bits - 1 if warm else 0
    before, stop, lost_updates = Fraction(0), Fraction(0), Fraction(0)
    for bits in sequences(warm_bits + rounds):
        weight = p ** sum(bits) * (1 - p) ** (len(bits) - sum(bits))
        counts = migrate_page(strategy, bits[warm_bits:], bits[:warm_bits])
        before += weight * counts.before_stop
        stop += weight * counts.in_stop
        lost_updates += weight * counts.lost_updates
    return PageCounts(before, stop, lost_updates)


def sequences(length: int) -> Iterator[tuple[int, ...]]:
    """Yield every sequence of so many bits."""
    return product((0, 1), repeat=length)


def _code(strategy: Strategy | SendSet, history: Sequence[int], bit: int) -> int:
    """Return the history code as the peek of this round completes it, oldest bit first."""
    if strategy.peek_batch_pages == 0:
        return 0
    peeks = [bit] * strategy.peeks if strategy.peeks > 1 else [*history, bit]
    return int("".join(map(str, peeks[-strategy.code_bits :])), base=2)
