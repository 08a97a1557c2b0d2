"""The lumped engine: counts of exchangeable pages instead of pages."""

from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.engine import LumpedEngine

__all__ = ["LumpedEngine", "PageClasses"]
