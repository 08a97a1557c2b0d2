"""Dirty bits of a VM's pages: the log of the round under way, and the bits of past rounds.

Times are operational: the integral of the VM's write intensity, in seconds at full intensity, from
the start of its migration. Writes are Poisson in operational time, so the log depends neither on
the tick nor on when the link's rate changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PageIds = NDArray[np.int64]
Times = NDArray[np.float64]
Decisions = NDArray[np.int8]

NEVER = np.inf


class DirtyLog:
    """First-write times of a VM's pages, shape [pages]; infinite where a page is clean.

    Args:
        page_count: number of pages of the VM.
    """

    def __init__(self, page_count: int) -> None:
        self.first_write: Times = np.full(page_count, NEVER)
        self.until = 0.0
        self._written: list[PageIds] = []

    def record(self, pages: PageIds, times: Times) -> None:
        """Enter writes given in order of time; pages may repeat, the first write counts."""
        known = self.first_write[pages]
        earlier = times < known
        if not earlier.all():
            pages, times, known = pages[earlier], times[earlier], known[earlier]
        # numpy keeps the last of repeated assignments, so reversed order keeps the earliest write.
        self.first_write[pages[::-1]] = times[::-1]
        is_new = (known == NEVER) & (self.first_write[pages] == times)
        self._written.append(pages[is_new])

    def record_once(self, pages: PageIds, times: Times) -> None:
        """Enter writes, in any order, to pages that are all different."""
        known = self.first_write[pages]
        self.first_write[pages] = np.minimum(times, known)
        self._written.append(pages[known == NEVER])

    def first_writes(self, pages: PageIds) -> Times:
        """Return when each of the pages was first written."""
        return self.first_write[pages]

    def dirty_pages(self, until: float) -> PageIds:
        """Return the pages written no later than `until`, in no particular order."""
        written = self.written()
        return written[self.first_write[written] <= until]

    def written(self) -> PageIds:
        """Return every page entered since the log was last cleared, each once."""
        if len(self._written) != 1:
            self._written = [np.concatenate(self._written)] if self._written else []
        return self._written[0] if self._written else np.empty(0, dtype=np.int64)

    def clear(self, at: float) -> None:
        """Forget every write and log from operational time `at` on."""
        self.first_write[self.written()] = NEVER
        self._written = []
        self.until = at


class ScatteredLog(DirtyLog):
    """The log of some pages of a VM, under numbers of their own.

    Args:
        log: the log of all pages.
        pages: their numbers in it, [pages here].
    """

    def __init__(self, log: DirtyLog, pages: PageIds) -> None:
        self._log = log
        self._pages = pages

    def record(self, pages: PageIds, times: Times) -> None:
        """Enter writes given in order of time; pages may repeat, the first write counts."""
        self._log.record(self._pages[pages], times)

    def record_once(self, pages: PageIds, times: Times) -> None:
        """Enter writes, in any order, to pages that are all different."""
        self._log.record_once(self._pages[pages], times)

    def first_writes(self, pages: PageIds) -> Times:
        """Return when each of the pages was first written."""
        return self._log.first_writes(self._pages[pages])


class PageHistory:
    """The last dirty bits of every page, packed into one small integer per page.

    The oldest bit comes first, so a new round shifts in at the right: code = 2 * code + bit.

    Args:
        page_count: pages of the VM.
    """

    def __init__(self, page_count: int) -> None:
        self._codes: NDArray[np.uint16] = np.zeros(page_count, dtype=np.uint16)
        self._is_blank = True

    def shift(self, dirty: PageIds) -> None:
        """Append one dirty bit to every page's history."""
        np.add(self._codes, self._codes, out=self._codes)
        self._codes[dirty] |= np.uint16(1)
        self._is_blank = self._is_blank and not len(dirty)

    def merge(self, dirty: PageIds) -> None:
        """Set the newest dirty bit of more pages."""
        self._codes[dirty] |= np.uint16(1)
        self._is_blank = self._is_blank and not len(dirty)

    @property
    def codes(self) -> NDArray[np.uint16]:
        """The code of every page, [pages], to read and to write."""
        self._is_blank = False
        return self._codes

    def decisions(self, row: Decisions, pages: PageIds) -> tuple[Decisions, Decisions]:
        """Return the decisions for pages found clean and for pages found dirty in this round.

        Args:
            row: decisions for pages of to_send by code, int8 [2**bits].
            pages: the pages of to_send.
        """
        if self._is_blank:
            return np.broadcast_to(row[0], len(pages)), np.broadcast_to(row[1], len(pages))
        codes = (self._codes[pages] << np.uint16(1)) & np.uint16(len(row) - 1)
        return row[codes], row[codes | np.uint16(1)]
