"""The model "auto": large VMs are lumped where that is possible, all others keep pages."""

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
from cluster_emu.memory.models.lumped import LumpedModel
from cluster_emu.memory.models.pages import PagesModel

LUMPED_FROM_PAGES = 131_072
"""Pages (512 MiB) from which "auto" lumps: about there the two engines take the same time."""


@memory_models.register("auto")
@dataclass(frozen=True)
class AutoModel(MemoryModel):
    """Choose the faster of "lumped" and "pages" for each VM; both agree in distribution."""

    name: ClassVar[str] = "auto"
    summary: ClassVar[str] = "lumped for large VMs where that is possible, pages for the rest"
    source: ClassVar[str] = "definition"

    def supports(self, memory: VMMemory) -> str | None:
        """Return None: pages represent any memory."""
        return None

    def create(self, migrating: MigratingMemory) -> MemoryEngine:
        """Return the engine of the model chosen."""
        return self.model_for(migrating.memory).create(migrating)

    def model_for(self, memory: VMMemory) -> MemoryModel:
        """Return "lumped" for a large VM that it supports, else "pages"."""
        lumped = LumpedModel()
        if memory.page_count >= LUMPED_FROM_PAGES and lumped.supports(memory) is None:
            return lumped
        return PagesModel()
