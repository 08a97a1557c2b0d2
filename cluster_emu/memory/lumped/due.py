"""The pages due in a live round, and what is to become of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Counts, Flag, row
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.strata import Strata
from cluster_emu.strategies.contract import ClearGranularity, Decision, Strategy

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Decisions = NDArray[np.int8]

_DUE = int(Flag.DUE)
_SEND = int(Decision.SEND)


class Due(NamedTuple):
    """Kinds of pages that are due, in scan order of their stretches of the address space.

    Args:
        kind: their cells, write classes and the places of their stretches in the scan, ascending;
            the decision at the turn for a page that was seen clean, and for one that was seen
            dirty, [5, due].
        pages: how many pages each has, [due].
        sendable: pages by what makes the scan send them: always, if seen clean, if seen dirty; and
            all that are due, [4, ranks, classes].
        total: pages of all.
        looks_matter: whether it makes a difference for any page what is seen at its turn.
        begins: address at which each stretch of the scan begins, [ranks].
        share: share of the address space of each, [ranks].
    """

    kind: Labels
    pages: Counts
    sendable: Floats
    total: Any
    looks_matter: bool
    begins: Floats
    share: Floats

    @property
    def cell(self) -> Labels:
        """Their cells, [due]."""
        return row(self.kind, 0)

    @property
    def page_class(self) -> Labels:
        """Their write classes, [due]."""
        return row(self.kind, 1)

    @property
    def rank(self) -> Labels:
        """The places of their stretches in the scan, ascending, [due]."""
        return row(self.kind, 2)

    @property
    def if_clean(self) -> Labels:
        """The decision for a page that was seen clean, [due]."""
        return row(self.kind, 3)

    @property
    def if_dirty(self) -> Labels:
        """The decision for a page that was seen dirty, [due]."""
        return row(self.kind, 4)

    @classmethod
    def of(cls, cells: Cells, strata: Strata, decisions: DecisionsByHistory) -> Due:
        """Return what is due and what the strategy's table says about it."""
        found = _sorted_due(
            cells.kind,
            cells.pages,
            strata.ranks,
            len(strata.order),
            cells.kinds.classes,
            *decisions,
        )
        return cls(*found, strata.scanned_begins, strata.scanned_share)


@compiled
def _sorted_due(
    kind: Labels,
    pages: Counts,
    ranks: Labels,
    stretches: int,
    classes: int,
    if_clean: Decisions,
    if_dirty: Decisions,
) -> tuple[Labels, Counts, Floats, Any, bool]:
    """Return what is due by rank (counting sort), and sums of it."""
    place = np.zeros(stretches + 1, dtype=np.int64)
    for i in range(len(pages)):
        if kind[2, i] == _DUE:
            place[ranks[kind[0, i]] + 1] += 1
    place = np.cumsum(place)
    count = place[stretches]
    due, due_pages = np.empty((5, count), dtype=np.int64), np.empty(count, dtype=pages.dtype)
    sendable = np.zeros((4, stretches, classes))
    total, looks_matter = pages.dtype.type(0), False
    for i in range(len(pages)):
        if kind[2, i] != _DUE:
            continue
        j, k, code = ranks[kind[0, i]], kind[1, i], kind[3, i]
        d = place[j]
        place[j] += 1
        due[0, d], due[1, d], due[2, d] = i, k, j
        due[3, d], due[4, d] = if_clean[code], if_dirty[code]
        due_pages[d] = pages[i]
        total += pages[i]
        looks_matter |= due[3, d] != due[4, d]
        sendable[3, j, k] += pages[i]
        if due[3, d] == _SEND and due[4, d] == _SEND:
            sendable[0, j, k] += pages[i]
        elif due[3, d] == _SEND:
            sendable[1, j, k] += pages[i]
        elif due[4, d] == _SEND:
            sendable[2, j, k] += pages[i]
    return due, due_pages, sendable, total, looks_matter


class DecisionsByHistory(NamedTuple):
    """What a strategy's table says in a round about a page that is due, by its history code.

    Args:
        if_clean: decision if it is seen clean at its turn, [codes].
        if_dirty: decision if it is seen dirty, [codes].
    """

    if_clean: Decisions
    if_dirty: Decisions

    @classmethod
    def of(cls, strategy: Strategy, table: Decisions) -> DecisionsByHistory:
        """Return what `table`, the strategy's in the round, says."""
        row = table[1]
        if strategy.past_bits:
            if_clean, if_dirty = row[0::2], row[1::2]
        else:
            if_clean, if_dirty = row[:1], row[-1:]
        never_looks = strategy.peek_batch_pages == 0
        if never_looks:
            if_dirty = if_clean
        return cls(if_clean.copy(), if_dirty.copy())  # compiled code wants one kind of array


@dataclass(frozen=True, slots=True)
class Clearing:
    """When the dirty bit of a page that is sent is cleared.

    Args:
        clear: "round" with the whole log as the round begins, "chunk" when the first page of its
            chunk is sent, "page" at its own turn.
        chunks: chunks the address space has, the last one possibly in part.
    """

    clear: ClearGranularity
    chunks: float

    @classmethod
    def of(cls, strategy: Strategy, page_count: int) -> Clearing:
        """Return the strategy's; one chunk for all is cleared as the round begins."""
        chunks = page_count / strategy.chunk_pages
        clear = strategy.clear_granularity
        return cls("round" if clear == "chunk" and chunks <= 1 else clear, chunks)

    def chunk_of(self, address: Floats) -> Labels:
        """Return the chunk of each address, a share of the space."""
        return np.floor(address * self.chunks + 1e-9).astype(np.int64)
