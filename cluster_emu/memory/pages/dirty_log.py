"""The dirty log of one VM: when each page was first written since the log was last cleared.

Times are operational: the integral of the VM's write intensity, in seconds at full intensity, from
the start of its migration (design: writes are Poisson in operational time, so the log does not
depend on the tick or on when the link's rate changed).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PageIds = NDArray[np.int64]
Times = NDArray[np.float64]

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
        # numpy keeps the last of repeated assignments, so reversed order keeps the earliest write
        self.first_write[pages[::-1]] = times[::-1]
        is_new = (known == NEVER) & (self.first_write[pages] == times)
        self._written.append(pages[is_new])

    def record_once(self, pages: PageIds, times: Times) -> None:
        """Enter writes, in any order, to pages that are all different."""
        known = self.first_write[pages]
        self.first_write[pages] = np.minimum(times, known)
        self._written.append(pages[known == NEVER])

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
