"""The cluster of experiments/churn.py, and the VMs that come and go there."""

from __future__ import annotations

from typing import Any

from cluster_emu.scenario import Scenario, scenario_from

PLACES = 8
"""VMs that fit into the memory of a host."""
VM = {"cpu_capacity": 2, "memory_bytes": "8 GiB", "profile": "oltp"}


def cluster(hosts: int, hours: float, arrivals: dict[str, Any], **more: Any) -> Scenario:
    """Return a consolidated cluster in which VMs come and go."""
    host = {"cpu_capacity": 16, "memory_bytes": f"{8 * PLACES} GiB", "boot_s": 90}
    return scenario_from(
        {
            "name": "churn",
            "run": {"duration_s": f"{hours} h", "tick_s": 60, "fidelity": "lumped"},
            "topology": {"name": "star", "hosts": hosts, "host_bps": "10 Gbit/s"},
            "hosts": [{"count": hosts, **host}],
            "workload": {"demand": "diurnal"},
            "arrivals": {"flavours": [VM], "boot_s": 30, "patience_s": "10 min", **arrivals},
            "manager": {"triggers": ["consolidation"]},
            **more,
        }
    )


def at(lifetime_h: float, load: float, hosts: int, hours: float) -> Scenario:
    """Return a cluster that begins with its mean number of VMs."""
    count, stay_s = round(load * PLACES * hosts), lifetime_h * 3600
    lifetime = f"exponential:mean_s={stay_s}"
    arrivals = {"process": f"poisson:mean_interval_s={stay_s / count}", "lifetime": lifetime}
    arrivals["initial_lifetime"] = lifetime
    return cluster(hosts, hours, arrivals, vms=[{"count": count, **VM}])
