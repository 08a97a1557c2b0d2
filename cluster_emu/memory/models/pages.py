"""The model "pages": every page of a migrating VM has its own bits."""

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
from cluster_emu.memory.pages.engine import PagesEngine


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

    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return an engine that keeps every page."""
        return PagesEngine(
            migrating.writer(),
            migrating.memory.strategy,
            migrating.encoding,
            absent=migrating.choose_ballooned(),
            track_versions=migrating.memory.track_versions,
        )
