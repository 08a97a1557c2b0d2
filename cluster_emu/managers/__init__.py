"""How managers handle migrations: one file per manager; importing this registers them.

A policy is a small declarative object: its fields are the manager's knobs with their real defaults.
"""

from cluster_emu.managers.base import ManagerPolicy
from cluster_emu.managers.kubevirt import KubeVirtPolicy, StallAction
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
from cluster_emu.managers.qemu_controller import PollingSteering, QemuController
from cluster_emu.managers.stall_detection import StallDetector
from cluster_emu.managers.vmotion import VmotionPolicy
from cluster_emu.managers.xen import XenPolicy
from cluster_emu.transfer.controller import Policy, policies

__all__ = [
    "KubeVirtPolicy",
    "ManagerPolicy",
    "NovaPolicy",
    "OvirtMinimalDowntime",
    "OvirtPolicy",
    "OvirtPostCopy",
    "OvirtSuspendWorkload",
    "OvirtVeryLargeVMs",
    "Policy",
    "PollingSteering",
    "ProxmoxPolicy",
    "QemuController",
    "QemuPolicy",
    "StallAction",
    "StallDetector",
    "VmotionPolicy",
    "XenPolicy",
    "policies",
]
