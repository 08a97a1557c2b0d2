"""The lumped engine: counts of exchangeable pages instead of pages.

`LumpedEngine` is in `engine`, which loads numba and is slow to import.
"""

from cluster_emu.memory.lumped.classes import HotSet, PageClasses
from cluster_emu.memory.lumped.eligibility import LumpableSource, why_not_lumped

__all__ = ["HotSet", "LumpableSource", "PageClasses", "why_not_lumped"]
