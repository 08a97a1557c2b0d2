"""The lumped engine: counts of exchangeable pages instead of pages."""

from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.lumped.reasons import LumpableSource, why_not_lumped

__all__ = ["LumpableSource", "LumpedEngine", "PageClasses", "why_not_lumped"]
