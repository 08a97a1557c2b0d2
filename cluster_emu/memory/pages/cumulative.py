"""How much is sent before a position of a scan, counted in pages or in units of bytes.

Whole numbers throughout, so that sums are exact however a round is cut into pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Counts = NDArray[np.int64]


class Prefix:
    """Sums of a whole number per position over all positions before a given one.

    Args:
        summands: the numbers, all 0 or more, [positions]; None where each is 1.
    """

    def __init__(self, summands: NDArray[np.generic] | None) -> None:
        self._sums: Counts | None = None
        if summands is not None:
            self._sums = np.zeros(len(summands) + 1, dtype=np.int64)
            np.cumsum(summands, out=self._sums[1:])

    def before(self, positions: Positions) -> Counts:
        """Return the sum before each position."""
        return positions if self._sums is None else self._sums[positions]

    def before_one(self, position: int) -> int:
        """Return the sum before one position."""
        return position if self._sums is None else int(self._sums[position])

    def reached(self, amount: int) -> int:
        """Return the first position before which the sum is at least so much."""
        return amount if self._sums is None else int(np.searchsorted(self._sums, amount))


@dataclass(frozen=True, slots=True)
class Sends:
    """What is sent before a position if no waiting page is seen dirty, and what dirt changes.

    Args:
        prefix: what is sent if all pages are seen clean, from the start of the round.
        offset: what has been sent so far, less what the prefix says.
        change: what more (or less) is sent if a written page is seen dirty, [written].
    """

    prefix: Prefix
    offset: int
    change: Counts

    def before(self, positions: Positions) -> Counts:
        """Return what is sent before each position if no waiting page is seen dirty."""
        return self.prefix.before(positions) + self.offset


@dataclass(frozen=True, slots=True)
class Tally:
    """What is sent before a position, kept as what differs from "every page is seen clean".

    Args:
        clean: what is sent if no waiting page is seen dirty.
        dirty: positions of the pages seen dirty at their turn, ascending.
        more: what is sent more because of the first 0, 1, 2 ... of them, [dirty + 1].
    """

    clean: Sends
    dirty: Positions
    more: Counts

    @classmethod
    def of(cls, clean: Sends, written: Positions, seen_dirty: NDArray[np.bool_]) -> Tally:
        """Make the tally of a scan from which written pages are seen dirty, [written]."""
        more = np.zeros(np.count_nonzero(seen_dirty) + 1, dtype=np.int64)
        np.cumsum(clean.change[seen_dirty], out=more[1:])
        return cls(clean, written[seen_dirty], more)

    def before(self, positions: Positions) -> Counts:
        """Return how much of the round is sent before the turns at these positions."""
        sent = self.clean.before(positions)
        if not len(self.dirty):
            return sent
        more: Counts = self.more[np.searchsorted(self.dirty, positions)]
        return sent + more

    def before_one(self, position: int) -> int:
        """Return the same for one position (the last one's end gives the whole round)."""
        sent = self.clean.prefix.before_one(position) + self.clean.offset
        return sent + int(self.more[np.searchsorted(self.dirty, position)])
