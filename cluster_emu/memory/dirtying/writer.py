"""Everything that writes a VM's pages, put together from its profile or from given dirty sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.dirtying.processes import WriteProcess
from cluster_emu.memory.pages.dirty_log import DirtyLog, PageIds, Times

RoundSets = Callable[[int], PageIds]
"""Gives the pages dirty in a round by its number: 1 for the first one, 0, -1 ... before it."""


class PageWriter:
    """The writer of one VM's pages during one migration.

    Args:
        page_count: number of pages of the VM.
        processes: what writes in operational time.
        round_sets: dirty sets given per round, whatever its length (the reference paper's samples
            per iteration); they come on top of `processes`.
    """

    def __init__(
        self,
        page_count: int,
        processes: Sequence[WriteProcess] = (),
        round_sets: RoundSets | None = None,
    ) -> None:
        self.page_count = page_count
        self._processes = processes
        self._round_sets = round_sets

    def begin_round(self, log: DirtyLog, round_number: int, start: float) -> None:
        """Enter the pages given for this round, visible to a peek from its very start."""
        if self._round_sets is not None:
            pages = self._round_sets(round_number)
            log.record(pages, np.full(len(pages), start))

    def write(self, log: DirtyLog, end: float) -> None:
        """Enter into `log` all first writes up to operational time `end`."""
        if end <= log.until:
            return
        for process in self._processes:
            process.write(log, log.until, end)
        log.until = end

    def rewritten(self, pages: PageIds, since: Times, until: float) -> NDArray[np.bool_]:
        """Tell which pages are written in (since, until], shapes [k], [k] -> [k].

        A page whose dirty bit was given for the round stays dirty: the bit has no time.
        """
        if self._round_sets is not None:
            return np.ones(len(pages), dtype=np.bool_)
        hit = np.zeros(len(pages), dtype=np.bool_)
        for process in self._processes:
            hit |= process.rewritten(pages, since, until)
        return hit
