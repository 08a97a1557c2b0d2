"""When live rounds end: one file per rule, any of which goes with any strategy.

Every rule but downtime-limit without a deadline ends every migration: fixed-rounds, xen-legacy and
xen-v2 by their number of rounds, no-progress and clark because a whole number cannot shrink for
ever, qemu and deadline by a deadline that cannot be left out. All but the first three also stop
once live rounds can do no more, because rounds that send nothing take no time and would never
reach a deadline.
"""

from cluster_emu.transfer.stop_rules.base import DeadlineStopRule
from cluster_emu.transfer.stop_rules.clark import ClarkStop
from cluster_emu.transfer.stop_rules.deadline import Deadline
from cluster_emu.transfer.stop_rules.downtime_limit import DowntimeLimit
from cluster_emu.transfer.stop_rules.fixed_rounds import FixedRounds
from cluster_emu.transfer.stop_rules.no_progress import NoProgress
from cluster_emu.transfer.stop_rules.qemu import QemuStop
from cluster_emu.transfer.stop_rules.xen_legacy import XenLegacyStop
from cluster_emu.transfer.stop_rules.xen_v2 import XenV2Stop
from cluster_emu.transfer.stopping import Progress, StopRule, Verdict, stop_rules

__all__ = [
    "ClarkStop",
    "Deadline",
    "DeadlineStopRule",
    "DowntimeLimit",
    "FixedRounds",
    "NoProgress",
    "Progress",
    "QemuStop",
    "StopRule",
    "Verdict",
    "XenLegacyStop",
    "XenV2Stop",
    "stop_rules",
]
