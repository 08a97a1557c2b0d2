"""A scenario with enough going on to look at."""

from __future__ import annotations

from typing import Any

from cluster_emu.scenario import Scenario, scenario_from

MIB = 2**20
GBIT = 1e9


def busy_scenario(strategy: str = "pre-copy", **more: Any) -> Scenario:
    """Return two racks of three hosts; six VMs are asked to move, two at once at most."""
    topology = {"name": "leaf-spine", "leaves": 2, "spines": 2, "hosts_per_leaf": 3}
    vms = {"cpu_capacity": 2, "profile": "web"}
    return scenario_from(
        {
            "name": "busy",
            "run": {"duration_s": 60.0, "tick_s": 1.0, "control_interval_s": 10.0},
            "topology": {**topology, "host_bps": GBIT / 10},
            "hosts": [{"count": 6, "cpu_capacity": 8, "memory_bytes": 256 * MIB}],
            "vms": [
                {**vms, "count": 8, "memory_bytes": 16 * MIB},
                {**vms, "count": 4, "memory_bytes": 32 * MIB},
            ],
            "workload": {"demand": {"name": "constant", "share": 0.5}},
            "transfer": {
                "strategy": strategy,
                "suspend_s": 0.005,
                "resume_s": 0.02,
                "device_state_bytes": 65536,
            },
            "manager": {"max_per_cluster": 4, "switch_off_empty_hosts": False},
            "migrations": [
                {"at_s": 2.0, "vm": vm, "target": (vm % 6 + 3) % 6} for vm in (0, 1, 2, 6, 7, 9)
            ],
            **more,
        }
    )
