"""Ranges of the address space, because a scan visits pages in address order.

The address of a page and its state depend on each other. The later the scan visits a page, the more
likely the page is written before. Pages that a round did not visit before it was cut short lie
after the cut. The engine assumes that the pages of one group are spread evenly within a range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped._kernels import ADDRESS_RANGE, Records, range_distances

FIRST_RANGES = 4
"""Equal ranges at the start; each is drawn from the actual time at which the scan reaches it."""
MOST_RANGES = 8


def _table(order: list[int], first: int, shares: NDArray[np.float64]) -> tuple[Records, Records]:
    """Return the ranges by label, and those in use in scan order.

    Args:
        order: labels in address order.
        first: place in `order` at which the scan begins.
        shares: share of the address space of each label.
    """
    table = np.zeros(MOST_RANGES, dtype=ADDRESS_RANGE)
    begin = 0.0
    for label, share in zip(order, shares[order].tolist(), strict=True):
        table[label] = 0, begin, share
        begin += share
    scan_order = order[first:] + order[:first]
    table["rank"][scan_order] = range(len(scan_order))
    return table, table[scan_order]


_EVEN = np.where(np.arange(MOST_RANGES) < FIRST_RANGES, 1.0 / FIRST_RANGES, 0.0)
_FIRST_SCAN = _table(list(range(FIRST_RANGES)), 0, _EVEN)


class AddressRanges:
    """Ranges of the address space in address order, and where the next scan begins.

    Attributes:
        order: the label of each range.
        first: place in `order` at which the next scan begins.
        table: `_kernels.ADDRESS_RANGE` by label, [MOST_RANGES].
        scanned: the ranges in the order of the next scan, [ranges].
        is_full: whether no label is free for another range.

    Args:
        shares: share of the address space of each range at the start, fewer than `MOST_RANGES`;
            empty for equal ones.
    """

    def __init__(self, shares: Sequence[float] = ()) -> None:
        self.first = 0
        self.is_full = False
        if not shares:
            self.order = list(range(FIRST_RANGES))
            self._shares = _EVEN
            self.table, self.scanned = _FIRST_SCAN
            return
        self.order = list(range(len(shares)))
        self._shares = np.zeros(MOST_RANGES)
        self._shares[: len(shares)] = shares
        self._number()

    def _number(self) -> None:
        self.table, self.scanned = _table(self.order, self.first, self._shares)
        self.is_full = len(self.order) == MOST_RANGES

    @property
    def scan_order(self) -> list[int]:
        """Labels in the order of the next scan."""
        return self.order[self.first :] + self.order[: self.first]

    def split(self, label: int, share: float) -> int:
        """Split a range in two; return the label of the second part.

        Args:
            label: the range.
            share: share of it that stays in the first part.
        """
        new = next(free for free in range(MOST_RANGES) if free not in self.order)
        self.order.insert(self.order.index(label) + 1, new)
        self._shares = self._shares.copy()
        self._shares[new] = self._shares[label] * (1.0 - share)
        self._shares[label] *= share
        self._number()
        return new

    def scan_from(self, label: int) -> None:
        """Let the next scan begin with a range."""
        self.scan_from_place(self.order.index(label))

    def scan_from_place(self, place: int) -> None:
        """Let the next scan begin with the range at a place in address order."""
        if place != self.first:
            self.first = place
            self._number()

    def join_most_alike(self, groups: Records) -> Records:
        """Join the two adjacent ranges that differ least; return the groups with their new labels.

        Args:
            groups: `_kernels.GROUP`, [groups].
        """
        start = self.order[self.first]
        distance = range_distances(groups, np.array(self.order), MOST_RANGES)
        if self.first > 0:
            distance[self.first - 1] = np.inf  # the scan begins between these two
        at = int(np.argmin(distance))
        kept, gone = self.order[at], self.order.pop(at + 1)
        self._shares = self._shares.copy()
        self._shares[kept] += self._shares[gone]
        self._shares[gone] = 0.0
        self.first = self.order.index(start)
        self._number()
        joined = groups.copy()
        joined["address_range"][groups["address_range"] == gone] = kept
        return joined
