"""The model "pages": every page of a migrating VM has its own bits."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.errors import ClusterEmuError
from cluster_emu.memory.base import (
    MemoryEngine,
    MemoryModel,
    MigratingMemory,
    VMMemory,
    memory_models,
)
from cluster_emu.memory.machine_memory import available_bytes
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.units import BINARY_BYTES, in_largest_unit

STATE_BYTES_PER_PAGE = 64
"""What a busy VM takes under a strategy with a history; post-copy takes twice that."""
LARGE_STATE_BYTES = 2**28
"""Smaller states are not held against the memory available, which takes longer to find out."""


@memory_models.register("pages")
@dataclass(frozen=True)
class PagesModel(MemoryModel):
    """Keep every page; the reference the other models are tested against."""

    name: ClassVar[str] = "pages"
    summary: ClassVar[str] = "every page of a migrating VM has its own bits"
    source: ClassVar[str] = "definition"

    def supports(self, memory: VMMemory) -> str | None:
        """Return None: any memory consists of pages."""
        return None

    def state_bytes(self, memory: VMMemory) -> int:
        """Return the memory for the bits, the dirty log and the numbers of all pages, about."""
        return STATE_BYTES_PER_PAGE * memory.page_count

    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return an engine that keeps every page.

        Raises:
            ClusterEmuError: if its state does not fit into the memory that is available now.
        """
        needed = self.state_bytes(migrating.memory)
        if needed > LARGE_STATE_BYTES and needed > (available := available_bytes()):
            raise ClusterEmuError(
                f"VM {migrating.vm}: the state of its {migrating.memory.page_count:,} pages needs "
                f"{in_largest_unit(needed, BINARY_BYTES)} of memory, and "
                f"{in_largest_unit(available, BINARY_BYTES)} are available: "
                'run.fidelity = "lumped" needs none per page'
            )
        return PagesEngine(
            migrating.writer(),
            migrating.memory.strategy,
            migrating.encoding,
            absent=migrating.choose_ballooned(),
            track_versions=migrating.memory.track_versions,
        )
