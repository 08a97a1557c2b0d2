"""Which hosts have too much load: one file per detector."""

from cluster_emu.consolidation.overload.static_threshold import StaticThreshold

__all__ = [
    "StaticThreshold",
]
