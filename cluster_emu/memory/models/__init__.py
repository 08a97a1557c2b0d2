"""The memory models that come with the package, one file each."""

from cluster_emu.memory.base import MemoryModel, memory_models
from cluster_emu.memory.models.auto import AutoModel
from cluster_emu.memory.models.lumped import LumpedModel, MeanFieldModel
from cluster_emu.memory.models.pages import PagesModel
from cluster_emu.memory.models.scalar import ScalarModel

__all__ = [
    "AutoModel",
    "LumpedModel",
    "MeanFieldModel",
    "MemoryModel",
    "PagesModel",
    "ScalarModel",
    "memory_models",
]
