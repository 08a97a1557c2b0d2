"""How much of the memory of each VM is in use, over time where traces say it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.memory.base import VMMemory
from cluster_emu.workload.memory_use import MemoryUse


class MemoryInUse:
    """The memory of all VMs at any instant; the pages never used so far are zero.

    Args:
        memory: the memory of each VM, with the pages in use where no trace says otherwise, by VM.
        use: what traces say; None where they do not count.
        follows: whether each VM follows its trace, shape [vms].
    """

    def __init__(
        self,
        memory: Sequence[VMMemory],
        use: MemoryUse | None = None,
        follows: NDArray[np.bool_] | None = None,
    ) -> None:
        self.memory = list(memory)
        self._use = use
        self._follows = follows
        self._pages = np.array([each.page_count for each in memory])
        self._usual: IntColumn = np.array([each.used_pages for each in memory])

    def resize(self, vm: int, memory: VMMemory) -> None:
        """Let a VM have other memory from now on; columns that were returned stay as they are."""
        self.memory[vm] = memory
        self._pages, self._usual = self._pages.copy(), self._usual.copy()
        self._pages[vm], self._usual[vm] = memory.page_count, memory.used_pages

    def used_pages(self, now_s: float) -> IntColumn:
        """Return the pages of each VM that have been used by now, at least one, shape [vms]."""
        if self._use is None:
            return self._usual
        share = self._use.largest_until(now_s)
        known = self._known(share)
        pages = np.ceil(np.where(known, share, 1.0) * self._pages).astype(np.int64)
        used: IntColumn = np.where(known, np.clip(pages, 1, self._pages), self._usual)
        return used

    @property
    def without_trace(self) -> int:
        """How many VMs do not follow a trace."""
        if self._use is None:
            return len(self.memory)
        return int(np.count_nonzero(~self._known(self._use.largest_until(0.0))))

    def _known(self, share: FloatColumn) -> NDArray[np.bool_]:
        return ~np.isnan(share) & (True if self._follows is None else self._follows)

    def at(self, vm: int, now_s: float) -> VMMemory:
        """Return the memory of a VM as it is now."""
        memory = self.memory[vm]
        return memory if self._use is None else memory.with_used(int(self.used_pages(now_s)[vm]))

    def all_at(self, now_s: float) -> list[VMMemory]:
        """Return the memory of each VM as it is now, by VM."""
        if self._use is None:
            return list(self.memory)
        used = self.used_pages(now_s).tolist()
        return [memory.with_used(pages) for memory, pages in zip(self.memory, used, strict=True)]
