"""The hosts and VMs of CloudSim's benchmark.

Source: Beloglazov, Buyya, "Optimal online deterministic algorithms and adaptive heuristics for
energy and performance efficient dynamic consolidation of virtual machines in Cloud data centers",
Concurrency and Computation 24 (2012) 1397-1420, section 6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster_emu.metrics.power import load_power_tables
from cluster_emu.validation.cloudsim._kernels import HOST, VM, Floats, Records

SERVERS = ("hp-ml110-g4", "hp-ml110-g5")
"""Kinds of host, which alternate: host i is of kind i mod 2."""
CORES = 2
CORE_MIPS = np.array([1860.0, 2660.0])
HOST_RAM_MB = 4096.0

VM_MIPS = np.array([2500.0, 2000.0, 1000.0, 500.0])
"""Kinds of VM, which come in blocks of a quarter of the VMs; each has one core."""
VM_RAM_MB = np.array([870.0, 1740.0, 1740.0, 613.0])

LINE_MB_PER_S = 125.0
"""Line rate of a network card each way: 1 Gbit/s."""
MIGRATION_MB_PER_S = LINE_MB_PER_S / 2
"""What a migration gets: half of the card."""


def new_hosts(count: int) -> Records:
    """Return rows of `HOST`, all off and empty."""
    hosts = np.zeros(count, HOST)
    hosts["kind"] = np.arange(count) % len(SERVERS)
    hosts["core_mips"] = CORE_MIPS[hosts["kind"]]
    hosts["mips"] = CORES * hosts["core_mips"]
    hosts["ram_mb"] = HOST_RAM_MB
    hosts["entry_s"] = -1.0  # no entry yet
    hosts["was_active"] = True  # so that a host that is never used counts as shut down once
    return hosts


def new_vms(count: int) -> Records:
    """Return rows of `VM`; VM i is of kind i div ceil(count / 4)."""
    kind: NDArray[np.intp] = np.arange(count) // -(-count // len(VM_MIPS))
    vms = np.zeros(count, VM)
    vms["mips"], vms["ram_mb"] = VM_MIPS[kind], VM_RAM_MB[kind]
    vms["entry_s"] = -1.0
    return vms


def measured_watts() -> Floats:
    """Return the power of each kind of host at 0, 10, ..., 100 % load, shape [kinds, 11]."""
    tables = load_power_tables()
    return np.array([tables[server].watts for server in SERVERS])
