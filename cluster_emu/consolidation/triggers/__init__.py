"""What may ask for migrations at a control instant: one file per trigger."""

from cluster_emu.consolidation.triggers.consolidation import Consolidation
from cluster_emu.consolidation.triggers.drain import Drain
from cluster_emu.consolidation.triggers.load_balance import LoadBalance

__all__ = [
    "Consolidation",
    "Drain",
    "LoadBalance",
]
