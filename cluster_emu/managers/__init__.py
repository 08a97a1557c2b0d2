"""How managers handle migrations: one file per manager; importing this registers them.

A policy is a small declarative object: its fields are the manager's knobs with their real defaults.
"""

# The contract comes first: a policy in this package imports its names from here.
from cluster_emu.managers.contract import ConcurrencyLimits, ManagerPolicy, policies

# isort: split
from cluster_emu.managers.kubevirt import (
    DowntimeTuningPolicy,
    HyperConvergedPolicy,
    KubeVirtPolicy,
    StallAction,
    StallDetectionPolicy,
)
from cluster_emu.managers.nova import NovaPolicy
from cluster_emu.managers.ovirt import (
    OvirtMinimalDowntime,
    OvirtPolicy,
    OvirtPostCopy,
    OvirtSuspendWorkload,
    OvirtVeryLargeVMs,
)
from cluster_emu.managers.proxmox import ProxmoxPolicy
from cluster_emu.managers.qemu import QemuPolicy
from cluster_emu.managers.qemu_controller import PollingController, QemuController
from cluster_emu.managers.stall_detection import StallDetector
from cluster_emu.managers.vmotion import VmotionPolicy
from cluster_emu.managers.xen import XenPolicy, XenV2Policy

__all__ = [
    "ConcurrencyLimits",
    "DowntimeTuningPolicy",
    "HyperConvergedPolicy",
    "KubeVirtPolicy",
    "ManagerPolicy",
    "NovaPolicy",
    "OvirtMinimalDowntime",
    "OvirtPolicy",
    "OvirtPostCopy",
    "OvirtSuspendWorkload",
    "OvirtVeryLargeVMs",
    "PollingController",
    "ProxmoxPolicy",
    "QemuController",
    "QemuPolicy",
    "StallAction",
    "StallDetectionPolicy",
    "StallDetector",
    "VmotionPolicy",
    "XenPolicy",
    "XenV2Policy",
    "policies",
]
