"""Version numbers per page, to prove that the target's memory is the source's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.pages.dirty_log import PageIds


class PageVersions:
    """Counts the writes of each page at the source and remembers which version the target has.

    Args:
        page_count: pages of the VM.
    """

    def __init__(self, page_count: int) -> None:
        self.source: NDArray[np.int64] = np.zeros(page_count, dtype=np.int64)
        self.target: NDArray[np.int64] = np.full(page_count, -1, dtype=np.int64)

    def written(self, pages: PageIds) -> None:
        """Count one more version of each page at the source."""
        self.source[pages] += 1

    def arrived(self, pages: PageIds) -> None:
        """Give the target the source's present version of each page."""
        self.target[pages] = self.source[pages]

    def stale(self) -> PageIds:
        """Return the pages whose newest version the target lacks."""
        return np.flatnonzero(self.source != self.target)
