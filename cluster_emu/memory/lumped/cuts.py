"""Rounds that are cut short: what lies behind the cut gets a stretch of its own."""

from __future__ import annotations

import numpy as np

from cluster_emu.memory.lumped.cells import Cells, Counts, Flag, Labels
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.lots import Chances, Fate, Lots

_DUE = int(Flag.DUE)
_UNVISITED = int(Fate.UNVISITED)


@compiled
def first_unvisited(lot: Labels, pages: Counts, ranks: Labels) -> tuple[int, float]:
    """Return the first stretch of the scan in which pages had no turn, and how many of it.

    Args:
        lot: `Lots.kind`, [3, lots].
        pages: pages of each lot, [lots].
        ranks: place of each stretch's label in the scan.
    """
    rank, left = len(ranks), 0.0
    for i in range(len(pages)):
        if lot[1, i] == _UNVISITED and pages[i] > 0:
            if ranks[lot[2, i]] < rank:
                rank, left = ranks[lot[2, i]], 0.0
            if ranks[lot[2, i]] == rank:
                left += pages[i]
    return rank, left


def cut_in_two(
    cells: Cells, lots: Lots, label: int, behind: int, share: float, draws: Draws
) -> Lots:
    """Return the lots with one stretch cut in two.

    Args:
        cells: the cells before the round.
        lots: what became of all pages.
        label: the stretch.
        behind: label of what lies behind the cut: there are the pages that had no turn, and a part
            of those that were not due.
        share: how far up in the stretch the cut is.
        draws: the stream to draw from.
    """
    undue = _undue_here(cells.kind, lots.kind, label)
    before = draws.binomial(lots.pages[undue], np.full(len(undue), share))
    return Lots(*_cut(*lots, undue, before, label, behind))


@compiled
def _undue_here(kind: Labels, lot: Labels, label: int) -> Labels:
    """Return the lots in a stretch of pages that were not due."""
    count = 0
    found = np.empty(lot.shape[1], dtype=np.int64)
    for i in range(lot.shape[1]):
        if lot[2, i] == label and kind[2, lot[0, i]] != _DUE:
            found[count] = i
            count += 1
    return found[:count].copy()


@compiled
def _cut(
    lot: Labels,
    pages: Counts,
    clean_chance: Chances,
    undue: Labels,
    before: Counts,
    label: int,
    behind: int,
) -> tuple[Labels, Counts, Chances]:
    """Put the unvisited lots behind the cut, and the rest of the undue ones, given `before`."""
    lots, more = len(pages), len(undue)
    kind = np.empty((3, lots + more), dtype=np.int64)
    cut_pages, chance = np.empty(lots + more, dtype=pages.dtype), np.empty(lots + more)
    kind[:, :lots], cut_pages[:lots], chance[:lots] = lot, pages, clean_chance
    for i in range(lots):
        if lot[2, i] == label and lot[1, i] == _UNVISITED:
            kind[2, i] = behind
    for n in range(more):
        i = undue[n]
        kind[:, lots + n] = lot[:, i]
        kind[2, lots + n] = behind
        chance[lots + n] = clean_chance[i]
        cut_pages[i] = before[n]
        cut_pages[lots + n] = pages[i] - before[n]
    return kind, cut_pages, chance
