"""Clusters small enough to be emptied many times."""

from __future__ import annotations

from typing import Any

from cluster_emu.scenario import Scenario, scenario_from

MIB = 2**20


def rack(sizes_mib: list[int], host_mib: int = 64, hosts: int = 4, **more: Any) -> Scenario:
    """Return hosts on one switch; VMs of the given sizes are on host 0, the others are empty."""
    vm = {"count": 1, "cpu_capacity": 1, "profile": "web", "host": 0}
    return scenario_from(
        {
            "name": "rack",
            "run": {"duration_s": 300.0},
            "topology": {"name": "star", "hosts": hosts, "host_bps": "1 Gbit/s"},
            "hosts": [
                {"count": 1, "cpu_capacity": 16, "memory_bytes": 1024 * MIB},
                {"count": hosts - 1, "cpu_capacity": 16, "memory_bytes": host_mib * MIB},
            ],
            "vms": [{**vm, "memory_bytes": size * MIB} for size in sizes_mib],
            "transfer": {"strategy": "pre-copy", "stop": "xen-legacy", "resume_s": 0.02},
            **more,
        }
    )
