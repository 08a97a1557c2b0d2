"""What to send when: one file per transfer method, each yielding its truth table."""

from cluster_emu.strategies.contract import Decision, Mode, Strategy, send_alike, strategies
from cluster_emu.strategies.demand_paging import DemandPaging
from cluster_emu.strategies.history_majority import HistoryMajority
from cluster_emu.strategies.hybrid import Hybrid
from cluster_emu.strategies.ma import Ma
from cluster_emu.strategies.matrix_bitmap import MatrixBitmap
from cluster_emu.strategies.post_copy import PostCopy
from cluster_emu.strategies.pre_copy import PreCopy
from cluster_emu.strategies.printing import truth_document, truth_table
from cluster_emu.strategies.qemu import Qemu
from cluster_emu.strategies.stop_and_copy import StopAndCopy
from cluster_emu.strategies.time_series import TimeSeries
from cluster_emu.strategies.xen_legacy import XenLegacy
from cluster_emu.strategies.xen_v2 import XenV2

__all__ = [
    "Decision",
    "DemandPaging",
    "HistoryMajority",
    "Hybrid",
    "Ma",
    "MatrixBitmap",
    "Mode",
    "PostCopy",
    "PreCopy",
    "Qemu",
    "StopAndCopy",
    "Strategy",
    "TimeSeries",
    "XenLegacy",
    "XenV2",
    "send_alike",
    "strategies",
    "truth_document",
    "truth_table",
]
