"""The lumped engine: counts of exchangeable pages instead of pages.

`LumpedEngine` is in `engine`, which loads numba and is slow to import.
"""

from cluster_emu.memory.lumped.classes import HotSet, PageClasses

__all__ = ["HotSet", "PageClasses"]
