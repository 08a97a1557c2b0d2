"""Stretches of the address space, because a scan comes by in address order.

Where a page lies says something about its state: the later its turn, the more likely it was
written before it; and what a round that was cut short left unvisited lies behind the cut. Within a
stretch, pages of one kind are taken to be scattered evenly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Counts, Flag, Labels
from cluster_emu.memory.lumped.compiling import compiled

STRATA = 4
"""Equal stretches at the start; a round is drawn stretch by stretch, each from its real start."""
MOST_STRATA = 8
_DUE = int(Flag.DUE)


def _numbered(
    order: list[int], first: int, share: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the rank of each label, and begin and share of each stretch in scan order."""
    shares, begins, ranks = share.tolist(), [0.0] * MOST_STRATA, [0] * MOST_STRATA
    begin = 0.0
    for label in order:
        begins[label] = begin
        begin += shares[label]
    scanned = order[first:] + order[:first]
    for rank, label in enumerate(scanned):
        ranks[label] = rank
    return (
        np.array(ranks),
        np.array([begins[label] for label in scanned]),
        np.array([shares[label] for label in scanned]),
    )


_EVEN = np.where(np.arange(MOST_STRATA) < STRATA, 1.0 / STRATA, 0.0)
_FIRST_SCAN = _numbered(list(range(STRATA)), 0, _EVEN)


class Strata:
    """Stretches of the address space in address order, and where the next scan begins.

    Attributes:
        order: the label of each stretch.
        share: share of the address space of each label, [MOST_STRATA].
        first: position in `order` at which the next scan begins.
        ranks: place of each label in the next scan, [MOST_STRATA].
        scanned_begins: address, as a share of the space, at which each stretch of the scan begins.
        scanned_share: share of the address space of each.
    """

    def __init__(self) -> None:
        self.order = list(range(STRATA))
        self.share = _EVEN.copy()
        self.first = 0
        self.ranks, self.scanned_begins, self.scanned_share = _FIRST_SCAN

    def _number(self) -> None:
        self.ranks, self.scanned_begins, self.scanned_share = _numbered(
            self.order, self.first, self.share
        )

    @property
    def scan_order(self) -> list[int]:
        """Labels in the order in which the next scan comes by."""
        return self.order[self.first :] + self.order[: self.first]

    def split(self, label: int, share: float) -> int:
        """Cut a stretch in two; return the label of the second part.

        Args:
            label: the stretch.
            share: share of it that stays in the first part.
        """
        new = next(free for free in range(MOST_STRATA) if free not in self.order)
        self.order.insert(self.order.index(label) + 1, new)
        self.share[new] = self.share[label] * (1.0 - share)
        self.share[label] *= share
        self._number()
        return new

    def scan_from(self, label: int) -> None:
        """Let the next scan begin with a stretch."""
        self.scan_from_place(self.order.index(label))

    def scan_from_place(self, place: int) -> None:
        """Let the next scan begin with the stretch at a place in address order."""
        if place != self.first:
            self.first = place
            self._number()

    def make_room(self, cells: Cells) -> Cells:
        """Return the cells with the two likest neighbours joined if no label is free."""
        if len(self.order) < MOST_STRATA:
            return cells
        start = self.order[self.first]
        unlike = _unlike(cells.kind, cells.pages, np.array(self.order))
        if self.first > 0:
            unlike[self.first - 1] = np.inf  # the scan begins between these two
        at = int(np.argmin(unlike))
        kept, gone = self.order[at], self.order.pop(at + 1)
        self.share[kept] += self.share[gone]
        self.share[gone] = 0.0
        self.first = self.order.index(start)
        self._number()
        stratum = np.where(cells.stratum == gone, kept, cells.stratum)
        keys = cells.kinds.keys(stratum, cells.page_class, cells.flag, cells.code)
        return Cells(cells.kinds, keys, cells.pages)


@compiled
def _unlike(kind: Labels, pages: Counts, order: Labels) -> NDArray[np.float64]:
    """Return how unlike each stretch and the next are (Ward's distance of the share due)."""
    size, due = np.zeros(MOST_STRATA), np.zeros(MOST_STRATA)
    for i in range(len(pages)):
        size[kind[0, i]] += pages[i]
        if kind[2, i] == _DUE:
            due[kind[0, i]] += pages[i]
    unlike = np.empty(len(order) - 1)
    for place in range(len(unlike)):
        one, other = order[place], order[place + 1]
        both = size[one] * size[other] / max(size[one] + size[other], 1.0)
        difference = due[one] / max(size[one], 1.0) - due[other] / max(size[other], 1.0)
        unlike[place] = both * difference**2
    return unlike
