"""QEMU's pre-copy: the dirty bitmap is cleared as the scan moves on, and merged once a round."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import (
    CHUNK_PAGES,
    ClearGranularity,
    PageCount,
    Strategy,
    strategies,
)


@strategies.register("qemu")
@dataclass(frozen=True, kw_only=True)
class Qemu(Strategy):
    """Send every page of to_send; a write after its bit was cleared returns it to to_send.

    A page written after its bit was cleared but before its visit is sent with the new content, and
    once more in the next round without need. So the later the log is cleared, the fewer pages are
    sent in vain.

    Args:
        clear_granularity: "round" clears the whole log as a round begins (QEMU before 4.1),
            "chunk" a chunk just before its first page is sent (4.1 on), "page" each page.
        chunk_pages: pages per chunk; 1 GiB of 4 KiB pages as clear_bmap_shift has it.
    """

    name: ClassVar[str] = "qemu"
    summary: ClassVar[str] = "send every page of to_send, clearing the dirty log chunk by chunk"
    source: ClassVar[str] = "QEMU migration/ram.c (4.1 on)"

    clear_granularity: ClearGranularity = "chunk"
    chunk_pages: PageCount = CHUNK_PAGES

    @property
    def stop_rule(self) -> str:
        """Return QEMU's rule."""
        return "qemu"

    @property
    def cyclic(self) -> bool:
        """Return True: each scan continues where the last one ended."""
        return True
