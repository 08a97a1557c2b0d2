"""Faults: hosts that crash, links that go down or slow, and what follows from it."""

from cluster_emu.faults.contract import FaultKind, Outage, Stream, fault_kinds
from cluster_emu.faults.host_crash import HostCrash
from cluster_emu.faults.hosts import HostFaults
from cluster_emu.faults.injection import FaultRow, Injection
from cluster_emu.faults.link_capacity import LinkFaults
from cluster_emu.faults.link_faults import LinkDown, LinkSlow
from cluster_emu.faults.restarts import Restarts
from cluster_emu.faults.site import Site

__all__ = [
    "FaultKind",
    "FaultRow",
    "HostCrash",
    "HostFaults",
    "Injection",
    "LinkDown",
    "LinkFaults",
    "LinkSlow",
    "Outage",
    "Restarts",
    "Site",
    "Stream",
    "fault_kinds",
]
