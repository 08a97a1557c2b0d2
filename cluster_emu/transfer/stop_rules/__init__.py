"""When live rounds end: one file per rule; any rule works with any strategy.

Every rule but downtime-limit without a deadline ends every migration: fixed-rounds, xen-legacy and
xen-v2 by their number of rounds, no-progress and clark because a whole number cannot shrink for
ever, qemu and deadline by a deadline that they always have. All but the first three also stop when
more live rounds change nothing, because rounds that send nothing take no time and would never
reach a deadline.
"""

# The contract comes first: a rule in this package imports its names from here.
from cluster_emu.transfer.controller import (
    CONTINUE,
    ControllerDecision,
    MigrationAction,
    Progress,
)
from cluster_emu.transfer.stop_rules.contract import (
    DeadlineStopRule,
    StopRule,
    StopRuleController,
    at_rest,
    rounds_text,
    stop,
    stop_rules,
)

# isort: split
from cluster_emu.transfer.stop_rules.clark import ClarkStop
from cluster_emu.transfer.stop_rules.deadline import Deadline
from cluster_emu.transfer.stop_rules.downtime_limit import DowntimeLimit
from cluster_emu.transfer.stop_rules.fixed_rounds import FixedRounds
from cluster_emu.transfer.stop_rules.no_progress import NoProgress
from cluster_emu.transfer.stop_rules.qemu import QemuStop
from cluster_emu.transfer.stop_rules.xen_legacy import XenLegacyStop
from cluster_emu.transfer.stop_rules.xen_v2 import XenV2Stop

__all__ = [
    "CONTINUE",
    "ClarkStop",
    "ControllerDecision",
    "Deadline",
    "DeadlineStopRule",
    "DowntimeLimit",
    "FixedRounds",
    "MigrationAction",
    "NoProgress",
    "Progress",
    "QemuStop",
    "StopRule",
    "StopRuleController",
    "XenLegacyStop",
    "XenV2Stop",
    "at_rest",
    "rounds_text",
    "stop",
    "stop_rules",
]
