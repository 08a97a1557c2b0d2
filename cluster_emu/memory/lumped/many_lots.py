"""What became of the pages of a large round, as lots: in what state each kind of page ends up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Counts, Labels
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.drawing import drawn_without_replacement
from cluster_emu.memory.lumped.lots import Fate, add_undue

Floats = NDArray[np.float64]

PARTS = 16
"""Parts of a stretch over which pages are dealt out where their bits are cleared in mid-round."""
_UNVISITED = int(Fate.UNVISITED)


@compiled
def dealt_out(due: Labels, pages: Counts, parts: int, normal: Floats) -> Counts:
    """Deal the pages of each stretch out over equal parts of it; without variates, evenly.

    Drawn independently, the times at which pages have their turn would vary more than they can:
    some page is next at any time.

    Args:
        due: `Due.kind`, [5, due].
        pages: pages of each kind, [due].
        parts: how many parts.
        normal: variates, [parts x due], or none.

    Returns:
        Pages of each kind in each part, [parts, due].
    """
    dealt, left, used = np.zeros((parts, len(pages)), dtype=pages.dtype), pages.copy(), 0
    first = 0
    while first < len(pages):
        last, total = first, 0.0
        while last < len(pages) and due[2, last] == due[2, first]:
            total += pages[last]
            last += 1
        among = total
        for part in range(parts):
            to_take = math.floor(among / (parts - part) + 0.5)
            of_these = among
            for d in range(first, last):
                taken = pages[d] / parts
                if len(normal):
                    taken = drawn_without_replacement(to_take, left[d], of_these, normal[used])
                    used += 1
                of_these -= left[d]
                to_take -= taken
                among -= taken
                left[d] -= taken
                dealt[part, d] = taken
        first = last
    return dealt


@compiled
def lots_of_many(
    due: Labels,
    cells: Labels,
    pages_of_cell: Counts,
    clean: Counts,
    dirty: Counts,
    waiting: Counts,
    chance: Floats,
    by_the_end: Floats,
    is_cleared: bool,
    cleared: Floats,
    fates: Labels,
    undue_fates: Labels,
) -> tuple[Labels, Counts, Floats]:
    """Return the lots of all pages, without empty ones.

    A page seen clean at its turn, with `chance`, is still clean with what is missing to
    `by_the_end`. Where bits are cleared in mid-round, `clean` and `cleared`, the chance of a clean
    bit, are given for each part of a stretch, [parts, due] and [stretches, parts, classes].
    """
    parts = len(clean)
    most = (parts + 2) * len(waiting) + len(pages_of_cell)
    lot, lot_chance = np.empty((3, most), dtype=np.int64), np.empty(most)
    lot_pages = np.empty(most, dtype=dirty.dtype)
    lots = 0
    for d in range(len(waiting)):
        cell, page_class, rank = due[0, d], due[1, d], due[2, d]
        at_end = by_the_end[page_class]
        for case in range(parts + 2):
            pages, fate, clean_chance = waiting[d], _UNVISITED, at_end
            if case < parts:
                pages, fate = clean[case, d], fates[due[3, d]]
                if is_cleared:
                    clean_chance = cleared[rank, case, page_class]
                elif due[3, d] != due[4, d]:
                    clean_chance = min(at_end / max(chance[rank, page_class], 1e-300), 1.0)
            elif case == parts:
                pages, fate, clean_chance = dirty[d], fates[due[4, d]], 0.0
            if pages > 0:
                lot[0, lots], lot[1, lots], lot[2, lots] = cell, fate, cells[0, cell]
                lot_pages[lots], lot_chance[lots] = pages, clean_chance
                lots += 1
    lots = add_undue(
        lots, lot, lot_pages, lot_chance, cells, pages_of_cell, by_the_end, undue_fates
    )
    return lot[:, :lots].copy(), lot_pages[:lots], lot_chance[:lots]
