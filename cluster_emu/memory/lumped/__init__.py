"""The lumped engine: counts of exchangeable pages instead of pages.

`LumpedEngine` is in `engine`, which is slow to import (see `compiling`).
"""

from cluster_emu.memory.lumped.classes import HotSet, PageClasses

__all__ = ["HotSet", "PageClasses"]
