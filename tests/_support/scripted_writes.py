"""A write process whose every write is given, so that two programs can be fed the same ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.memory.pages.dirty_log import DirtyLog


class ScriptedWrites:
    """Writes every page at given operational times.

    Args:
        times: the times at which each page is written, ascending.
    """

    def __init__(self, times: Sequence[Sequence[float]]) -> None:
        self.times = times
        events = sorted((time, page) for page, own in enumerate(times) for time in own)
        self._all_times = np.array([time for time, _ in events], dtype=np.float64)
        self._all_pages = np.array([page for _, page in events], dtype=np.int64)

    def write(self, log: DirtyLog, start: float, end: float) -> None:
        inside = (self._all_times > start) & (self._all_times <= end)
        log.record(self._all_pages[inside], self._all_times[inside])

    def rewritten(self, pages: np.ndarray, since: np.ndarray, until: float) -> np.ndarray:
        return np.array(
            [
                any(after < time <= until for time in self.times[page])
                for page, after in zip(pages.tolist(), since.tolist(), strict=True)
            ],
            dtype=np.bool_,
        )


def poisson_script(
    rng: np.random.Generator, writes_per_page: np.ndarray, start: float, end: float
) -> list[list[float]]:
    """Draw the writes of every page in (start, end], `writes_per_page` of them on average."""
    counts = rng.poisson(writes_per_page)
    return [sorted(rng.uniform(start, end, count).tolist()) for count in counts]
