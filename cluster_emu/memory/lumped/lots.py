"""What a live round did to whom: pages of one kind that met with the same fate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Flag
from cluster_emu.strategies.contract import Carry, Decision

Counts = NDArray[np.int64]
Chances = NDArray[np.float64]


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


def flags_after(carry: Carry) -> NDArray[np.int64]:
    """Return the flag of a page after the round, [fates, clean or dirty]."""
    unsent = Flag.DUE if carry == "due" else Flag.FORGOTTEN
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


@dataclass(frozen=True, slots=True)
class Lots:
    """Groups of pages, each from one cell, with one fate and one chance of a clean dirty bit.

    Args:
        cell: the cell each lot was taken from, [lots].
        fate: what its pages met with, [lots].
        pages: how many there are, [lots].
        clean_chance: chance that a page's dirty bit is clear when the log is read, [lots].
    """

    cell: Counts
    fate: Counts
    pages: Counts
    clean_chance: Chances

    @classmethod
    def joined(cls, parts: Iterable[Lots]) -> Lots:
        """Return all lots of all parts."""
        every = list(parts)
        return cls(
            np.concatenate([part.cell for part in every]),
            np.concatenate([part.fate for part in every]),
            np.concatenate([part.pages for part in every]),
            np.concatenate([part.clean_chance for part in every]),
        )

    def totals(self) -> list[int]:
        """Return how many pages met with each fate, in the order of `Fate`."""
        totals: list[int] = np.bincount(self.fate, self.pages, minlength=len(Fate)).tolist()
        return [round(total) for total in totals]


def settle(
    cells: Cells,
    lots: Lots,
    stratum: Counts,
    after: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Cells, int]:
    """Draw the dirty bits at the end of a round; return the new cells and how many were dirty.

    Args:
        cells: the cells before the round.
        lots: what happened to all of their pages.
        stratum: the stretch of the address space each lot lies in, [lots].
        after: flags by fate and dirty bit.
        rng: the stream to draw from.
    """
    kinds = cells.kinds
    clean = rng.binomial(lots.pages, lots.clean_chance)
    dirty = lots.pages - clean
    page_class, code = cells.page_class[lots.cell], cells.code[lots.cell]
    keys = [
        kinds.keys(stratum, page_class, after[lots.fate, bit], kinds.shifted(code, bit))
        for bit in (0, 1)
    ]
    settled = Cells(kinds, np.concatenate(keys), np.concatenate([clean, dirty]))
    return settled, int(dirty.sum())
