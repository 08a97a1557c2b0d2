"""What a live round did to whom: pages of one kind that met with the same fate."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Counts, Flag, Labels
from cluster_emu.memory.lumped.chance import Draws
from cluster_emu.memory.lumped.compiling import compiled
from cluster_emu.memory.lumped.drawing import drawn
from cluster_emu.strategies.contract import Decision, ToSend

Chances = NDArray[np.float64]

_DUE = int(Flag.DUE)


class Fate(IntEnum):
    """What a page met with; the first ones are those of pages that were not due."""

    CURRENT = 0
    DEFERRED_BEFORE = 1
    FORGOTTEN = 2
    SENT = 3
    SKIPPED = 4
    DEFERRED = 5
    UNVISITED = 6


FATE_OF_FLAG = np.array([Fate.CURRENT, Fate.UNVISITED, Fate.DEFERRED_BEFORE, Fate.FORGOTTEN])
"""By flag: the fate of a page that had no turn."""
FATE_OF_DECISION = np.array([Fate.SKIPPED, Fate.SENT, Fate.SKIPPED, Fate.DEFERRED])
"""By decision: the fate of a page at its turn."""
assert list(Decision) == [0, 1, 2, 3]


def flags_after(to_send: ToSend) -> NDArray[np.int64]:
    """Return the flag of a page after the round, [fates, clean or dirty]."""
    unsent = Flag.DUE if to_send == "sticky" else Flag.FORGOTTEN
    return np.array(
        [
            [Flag.CURRENT, Flag.DUE],
            [Flag.DEFERRED, Flag.DEFERRED],
            [Flag.FORGOTTEN, Flag.DUE],
            [Flag.CURRENT, Flag.DUE],
            [unsent, Flag.DUE],
            [Flag.DEFERRED, Flag.DEFERRED],
            [unsent, Flag.DUE],
        ]
    )


class Lots(NamedTuple):
    """Groups of pages, each from one cell, with one fate and one chance of a clean dirty bit.

    Args:
        kind: the cell each lot was taken from, what its pages met with, and the stretch of the
            address space they lie in, [3, lots].
        pages: how many there are, [lots].
        clean_chance: chance that a page's dirty bit is clear when the log is read, [lots].
    """

    kind: Labels
    pages: Counts
    clean_chance: Chances


@compiled
def add_undue(
    lots: int,
    lot: Labels,
    pages: Counts,
    clean_chance: Chances,
    cells: Labels,
    pages_of_cell: Counts,
    by_the_end: Chances,
    fates: Labels,
) -> int:
    """Add what became of the pages that were not due; return how many lots there are then.

    Args:
        lots: how many there are so far.
        lot: `Lots.kind`; written, [3, lots and more].
        pages: pages of each; written.
        clean_chance: chance of each of a clear bit; written.
        cells: `Cells.kind`, [4, cells].
        pages_of_cell: pages of each cell, [cells].
        by_the_end: chance of each class not to be written in the round, [classes].
        fates: `FATE_OF_FLAG`.
    """
    for cell in range(len(pages_of_cell)):
        flag = cells[2, cell]
        if flag != _DUE:
            lot[0, lots], lot[1, lots], lot[2, lots] = cell, fates[flag], cells[0, cell]
            pages[lots], clean_chance[lots] = pages_of_cell[cell], by_the_end[cells[1, cell]]
            lots += 1
    return lots


class Settled(NamedTuple):
    """The end of a round.

    Args:
        keys: new kinds, of the clean pages and of the dirty ones of each lot in turn, [2 x lots].
        pages: how many they are, [2 x lots].
        dirtied: how many pages were dirty.
        totals: how many met with each fate, in the order of `Fate`.
    """

    keys: Labels
    pages: Counts
    dirtied: Any
    totals: list[Any]


def settle(cells: Cells, lots: Lots, after: NDArray[np.int64], draws: Draws) -> Settled:
    """Draw the dirty bits at the end of a round.

    Args:
        cells: the cells before the round.
        lots: what happened to all of their pages.
        after: flags by fate and dirty bit.
        draws: the stream to draw from.
    """
    kinds = cells.kinds
    keys, pages, totals = _draw_dirty_bits(
        cells.kind,
        *lots,
        after,
        kinds.classes,
        kinds.history_bits,
        draws.variates(len(lots.pages)),
    )
    *fates, dirtied = totals.tolist()
    return Settled(keys, pages, dirtied, fates)


@compiled
def _draw_dirty_bits(
    kind: Labels,
    lot: Labels,
    pages: Counts,
    clean_chance: Chances,
    after: Labels,
    classes: int,
    history_bits: int,
    normal: Chances,
) -> tuple[Labels, Counts, Counts]:
    """Draw whose dirty bit is set at the end of a round.

    Args:
        kind: as in `Cells`, before the round, [4, cells].
        lot: `Lots.kind`, [3, lots].
        pages: how many pages each lot has, [lots].
        clean_chance: chance of a clear bit, [lots].
        after: flags by fate and dirty bit, [fates, 2].
        classes: how many write classes.
        history_bits: as in `Kinds`.
        normal: variates, [lots], or none.

    Returns:
        The kinds of the clean and the dirty pages of each lot, and how many they are,
        [2 x lots]; pages of each fate, and dirty ones of all, [fates + 1].
    """
    lots, fates, codes = len(pages), len(after), (1 << history_bits) - 1
    keys, counts = np.empty(2 * lots, dtype=np.int64), np.empty(2 * lots, dtype=pages.dtype)
    totals = np.zeros(fates + 1, dtype=pages.dtype)
    for i in range(lots):
        cell, fate, stratum = lot[0, i], lot[1, i], lot[2, i]
        place = (stratum * classes + kind[1, cell]) * 4
        history = kind[3, cell] << 1
        for bit in range(2):
            key = (place + after[fate, bit]) << history_bits
            keys[2 * i + bit] = key | ((history | bit) & codes)
        clean = pages[i] * clean_chance[i]
        if len(normal):
            clean = drawn(pages[i], clean_chance[i], normal[i])
        counts[2 * i] = clean
        counts[2 * i + 1] = pages[i] - counts[2 * i]
        totals[fate] += pages[i]
        totals[fates] += counts[2 * i + 1]
    return keys, counts, totals
