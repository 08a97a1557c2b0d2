"""How managers handle migrations: one file per manager; importing this registers them.

A policy is a small declarative object: its fields are the manager's knobs with their real defaults.
"""

from cluster_emu.migration.policies.base import ManagerPolicy
from cluster_emu.migration.policies.kubevirt import KubeVirtPolicy, StallAction
from cluster_emu.migration.policies.nova import NovaPolicy
from cluster_emu.migration.policies.ovirt import (
    OvirtMinimalDowntime,
    OvirtPolicy,
    OvirtPostCopy,
    OvirtSuspendWorkload,
    OvirtVeryLargeVMs,
)
from cluster_emu.migration.policies.proxmox import ProxmoxPolicy
from cluster_emu.migration.policies.qemu import QemuPolicy
from cluster_emu.migration.policies.qemu_steering import PollingSteering, QemuSteering
from cluster_emu.migration.policies.stall import StallDetector
from cluster_emu.migration.policies.vmotion import VmotionPolicy
from cluster_emu.migration.policies.xen import XenPolicy
from cluster_emu.migration.steering import Policy, policies

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
    "QemuPolicy",
    "QemuSteering",
    "StallAction",
    "StallDetector",
    "VmotionPolicy",
    "XenPolicy",
    "policies",
]
