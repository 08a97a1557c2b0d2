"""QEMU's pre-copy: the dirty bitmap is cleared as the scan moves on, and merged once a round."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.base import CHUNK_PAGES, PageCount, TableStrategy
from cluster_emu.strategies.contract import Clear, strategies


@strategies.register("qemu")
@dataclass(frozen=True, kw_only=True)
class Qemu(TableStrategy):
    """Send every due page; a write after its log was cleared makes it due once more.

    A page written after the clearing but before its own turn goes out with the new content and is
    sent again all the same, so the later the log is cleared the fewer pages are sent in vain.

    Args:
        clear_granularity: "round" clears the whole log as a round begins (QEMU before 4.1),
            "chunk" a chunk just before its first page is sent (4.1 on), "page" each page.
        chunk_pages: pages per chunk; 1 GiB of 4 KiB pages as clear_bmap_shift has it.
    """

    name: ClassVar[str] = "qemu"
    summary: ClassVar[str] = "send every due page, clearing the dirty log chunk by chunk"
    source: ClassVar[str] = "QEMU migration/ram.c (4.1 on)"

    clear_granularity: Clear = "chunk"
    chunk_pages: PageCount = CHUNK_PAGES

    @property
    def clear(self) -> Clear:
        """Return when the dirty bit of a due page is cleared."""
        return self.clear_granularity

    @property
    def cyclic(self) -> bool:
        """Return True: the scan goes round and round over the memory."""
        return True
