"""The pages due in a live round, and what is to become of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Flag
from cluster_emu.memory.lumped.strata import Strata
from cluster_emu.strategies.contract import Clear, Strategy

Labels = NDArray[np.int64]
Decisions = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Due:
    """Kinds of pages that are due, in scan order of their stretches of the address space.

    Args:
        cell: their cells, [due].
        pages: how many pages each has, [due].
        page_class: their write classes, [due].
        rank: place of their stretch in the scan, ascending, [due].
        if_clean: decision at the turn for a page that was seen clean, [due].
        if_dirty: decision for one that was seen dirty, [due].
        begins: address at which each stretch of the scan begins, [ranks].
        share: share of the address space of each, [ranks].
    """

    cell: Labels
    pages: Labels
    page_class: Labels
    rank: Labels
    if_clean: Decisions
    if_dirty: Decisions
    begins: NDArray[np.float64]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, cells: Cells, strata: Strata, strategy: Strategy, round_number: int) -> Due:
        """Return what is due in a round and what the strategy's table says about it."""
        due = np.flatnonzero(cells.flag == Flag.DUE)
        rank = strata.ranks[cells.stratum[due]]
        if np.any(rank[1:] < rank[:-1]):
            order = np.argsort(rank, kind="stable")
            due, rank = due[order], rank[order]
        if_clean, if_dirty = _decisions(strategy, round_number, cells.code[due])
        labels = strata.scan_order
        return cls(
            due,
            cells.pages[due],
            cells.page_class[due],
            rank,
            if_clean,
            if_dirty,
            strata.begins[labels],
            strata.share[labels],
        )

    @property
    def total(self) -> int:
        """Pages that are due."""
        return int(self.pages.sum())


def _decisions(strategy: Strategy, round_number: int, code: Labels) -> tuple[Decisions, Decisions]:
    row = strategy.table(round_number)[1]
    if keeps_history(strategy):
        if_clean, if_dirty = row[code << 1], row[code << 1 | 1]
    else:
        if_clean, if_dirty = np.full(len(code), row[0]), np.full(len(code), row[-1])
    never_looks = strategy.peek_batch_pages == 0
    return if_clean, if_clean if never_looks else if_dirty


def keeps_history(strategy: Strategy) -> bool:
    """Return whether decisions depend on the dirty bits of past rounds."""
    return strategy.peeks == 1 and strategy.code_bits > 1


@dataclass(frozen=True, slots=True)
class Clearing:
    """When the dirty bit of a page that is sent is cleared.

    Args:
        clear: "round" with the whole log as the round begins, "chunk" when the first page of its
            chunk is sent, "page" at its own turn.
        chunks: chunks the address space has, the last one possibly in part.
    """

    clear: Clear
    chunks: float

    @classmethod
    def of(cls, strategy: Strategy, page_count: int) -> Clearing:
        """Return the strategy's; one chunk for all is cleared as the round begins."""
        chunks = page_count / strategy.chunk_pages
        clear = strategy.clear
        return cls("round" if clear == "chunk" and chunks <= 1 else clear, chunks)

    def chunk_of(self, address: NDArray[np.float64]) -> Labels:
        """Return the chunk of each address, a share of the space."""
        return np.floor(address * self.chunks + 1e-9).astype(np.int64)
