"""Which hosts are worth emptying: one file per detector."""

from cluster_emu.consolidation.underload.last_n_average import LastNAverage
from cluster_emu.consolidation.underload.least_utilised import LeastUtilised

__all__ = [
    "LastNAverage",
    "LeastUtilised",
]
