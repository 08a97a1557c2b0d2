"""The model "scalar": bytes left, one dirty rate and a working set, no pages."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.memory.base import (
    MemoryEngine,
    MemoryModel,
    MigratingMemory,
    VMMemory,
    memory_models,
)
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.memory.scalar.writes import scalar_writes


@memory_models.register("scalar")
@dataclass(frozen=True)
class ScalarModel(MemoryModel):
    """Keep a dirty rate and a working set, as other simulators of live migration do."""

    name: ClassVar[str] = "scalar"
    summary: ClassVar[str] = "bytes left, a dirty rate and a working set, no pages"
    source: ClassVar[str] = "SimGrid's live migration plug-in; CloudSimSDN"

    def supports(self, memory: VMMemory) -> str | None:
        """Return why a rate and a working set do not describe its writes."""
        if memory.track_versions:
            return "run.track_versions keeps a version number per page"
        if memory.encoders:
            return "encoders (transfer.encoders) look at each page's own content"
        if memory.writes.page_by_page:
            return memory.writes.page_by_page
        if memory.writes.per_round:
            return "its sets of dirty pages are given per round, not in time"
        return None

    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return so many bytes; headers are part of them, as nothing separates pages."""
        memory = migrating.memory
        wire_bytes = migrating.encoding.raw_bytes
        writes = scalar_writes(memory.writes)
        return ScalarEngine(
            (memory.page_count - memory.ballooned_pages) * wire_bytes,
            wire_bytes,
            writes.pages_per_s * wire_bytes,
            writes.working_set_pages * wire_bytes,
        )
