"""The last dirty bits of every page, packed into one small integer per page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.pages.dirty_log import PageIds

Decisions = NDArray[np.int8]


class PageHistory:
    """History codes, oldest bit first, so that a new round shifts in at the right.

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

    def look_up(self, row: Decisions, pages: PageIds) -> tuple[Decisions, Decisions]:
        """Return the decisions for pages seen clean and for pages seen dirty in this round.

        Args:
            row: decisions of due pages by code, int8 [2**bits].
            pages: the pages that are due.
        """
        if self._is_blank:
            return np.broadcast_to(row[0], len(pages)), np.broadcast_to(row[1], len(pages))
        codes = (self._codes[pages] << np.uint16(1)) & np.uint16(len(row) - 1)
        return row[codes], row[codes | np.uint16(1)]
