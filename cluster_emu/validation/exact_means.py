"""One page under a strategy's rule with its dirty bit of each round given: exact means.

With given dirty bits pages do not influence each other, so the means of one page are those of a VM.
The memory models must agree with them. This module shares no code with these models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.strategies import Decision

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class PageCounts:
    """How often one page was sent.

    Args:
        before_stop: sends in live rounds.
        in_stop: sends in stop-and-copy.
        lost_updates: 1 for a page that stop-and-copy would have missed had it sent to_send and
            to_send_last only.
    """

    before_stop: int | Fraction
    in_stop: int | Fraction
    lost_updates: int | Fraction = 0

    @property
    def total(self) -> int | Fraction:
        """Sends in all."""
        return self.before_stop + self.in_stop


class Rule(Protocol):
    """What a strategy's rule consists of; every `Strategy` has it."""

    @property
    def code_bits(self) -> int:
        """Bits in a page's history code."""

    @property
    def to_send(self) -> str:
        """Which pages are due: "sticky" or "literal"."""

    @property
    def peeks(self) -> int:
        """Peeks per visit that the rule counts."""

    @property
    def peek_batch_pages(self) -> int:
        """Sent pages that share a peek; 0 for a scan that never peeks."""

    def table(self, round_number: int) -> NDArray[np.int8]:
        """Return the decisions by to_send and history code."""


def migrate_page(strategy: Rule, dirty: Sequence[int], warm: Sequence[int] = ()) -> PageCounts:
    """Run one live round per dirty bit, then stop.

    Args:
        strategy: the rule.
        dirty: whether the page is dirty in each live round.
        warm: the dirty bits that were logged before the first round.
    """
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
    strategy: Rule, *, rounds: int = 5, p: Fraction = HALF, warm: bool = True
) -> PageCounts:
    """Return the means over every sequence of dirty bits, by enumeration.

    Args:
        strategy: the rule.
        rounds: number of live rounds.
        p: probability of each bit to be 1, independently.
        warm: whether the history is full when the first round begins.
    """
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


def _code(strategy: Rule, history: Sequence[int], bit: int) -> int:
    """Return the history code as the peek of this round completes it, oldest bit first."""
    if strategy.peek_batch_pages == 0:
        return 0
    peeks = [bit] * strategy.peeks if strategy.peeks > 1 else [*history, bit]
    return int("".join(map(str, peeks[-strategy.code_bits :])), base=2)
