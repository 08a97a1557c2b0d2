"""Which flows cross each link: a block of memory per link, so that it is read quickly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]

FIRST_ROOM = 4


class Members:
    """The flows of each link, side by side in no order of meaning; one that leaves is replaced.

    Attributes:
        begin: where the block of each link begins, shape [links].
        count: how many flows it holds, shape [links].
        flow: the blocks, shape [room]; a new array when there are more.
    """

    def __init__(self, link_count: int) -> None:
        self.begin = np.zeros(link_count, dtype=np.intp)
        self.count = np.zeros(link_count, dtype=np.intp)
        self.flow = np.zeros(64, dtype=np.intp)
        self._crossing = np.zeros(64, dtype=np.intp)
        self._place = np.zeros(64, dtype=np.intp)
        self._room = [0] * link_count
        self._used = 0
        self._begins, self._counts = self.begin.data, self.count.data
        self._view()

    def add(self, link: int, flow: int, crossing: int) -> None:
        """Put a flow into the block of a link; the number of the crossing takes it out again."""
        if self._counts[link] == self._room[link]:
            self._move(link)
        while crossing >= len(self._place):
            self._place = _longer(self._place)
            self._view()
        count = self._counts[link]
        self._counts[link] = count + 1
        place = self._begins[link] + count
        self._flows[place], self._crossings[place] = flow, crossing
        self._places[crossing] = place

    def remove(self, link: int, crossing: int) -> None:
        """Take a flow out of the block of a link; the last one there takes its place."""
        count = self._counts[link] - 1
        self._counts[link] = count
        last, place = self._begins[link] + count, self._places[crossing]
        moved = self._crossings[last]
        self._flows[place], self._crossings[place] = self._flows[last], moved
        self._places[moved] = place

    def _move(self, link: int) -> None:
        """Give a link a block of twice the size, behind all others."""
        old, count = self._begins[link], self._counts[link]
        room = max(2 * count, FIRST_ROOM)
        while self._used + room > len(self.flow):
            self.flow, self._crossing = _longer(self.flow), _longer(self._crossing)
            self._view()
        new = self._used
        if count:
            for column in (self.flow, self._crossing):
                column[new : new + count] = column[old : old + count]
            self._place[self._crossing[new : new + count]] = range(new, new + count)
        self._begins[link], self._room[link] = new, room
        self._used += room

    def _view(self) -> None:
        self._flows, self._crossings = self.flow.data, self._crossing.data
        self._places = self._place.data


def _longer(column: Column) -> Column:
    return np.concatenate([column, np.zeros_like(column)])
