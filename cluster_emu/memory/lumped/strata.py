"""Stretches of the address space, because a scan comes by in address order.

Where a page lies says something about its state: the later its turn, the more likely it was
written before it; and what a round that was cut short left unvisited lies behind the cut. Within a
stretch, pages of one kind are taken to be scattered evenly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.cells import Cells, Flag

STRATA = 4
"""Equal stretches at the start; a round is drawn stretch by stretch, each from its real start."""
MOST_STRATA = 8


def _numbered(
    order: list[int], first: int, share: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the rank of each label, and begin and share of each stretch in scan order."""
    begins = np.zeros(MOST_STRATA)
    begins[order] = np.cumsum([0.0, *share[order][:-1]])
    scanned = order[first:] + order[:first]
    return _places(scanned), begins[scanned], share[scanned]


def _places(labels: list[int]) -> NDArray[np.int64]:
    places = np.zeros(MOST_STRATA, dtype=np.int64)
    places[labels] = np.arange(len(labels))
    return places


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

    @property
    def places(self) -> NDArray[np.int64]:
        """Place of each label in address order, [MOST_STRATA]."""
        return _places(self.order)

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

    def _unlike(self, cells: Cells) -> NDArray[np.float64]:
        """Return how unlike each stretch and the next are (Ward's distance of the share due)."""
        sizes = np.bincount(cells.stratum, cells.pages, minlength=MOST_STRATA)[self.order]
        due_pages = cells.pages * (cells.flag == Flag.DUE)
        due = np.bincount(cells.stratum, due_pages, minlength=MOST_STRATA)[self.order]
        share = due / np.maximum(sizes, 1.0)
        both = sizes[:-1] * sizes[1:] / np.maximum(sizes[:-1] + sizes[1:], 1.0)
        unlike: NDArray[np.float64] = both * np.diff(share) ** 2
        return unlike

    def make_room(self, cells: Cells) -> Cells:
        """Return the cells with the two likest neighbours joined if no label is free."""
        if len(self.order) < MOST_STRATA:
            return cells
        start = self.order[self.first]
        unlike = self._unlike(cells)
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
