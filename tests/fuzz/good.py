"""Good inputs to begin with: scenarios of milliseconds, studies, networks and traces."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.fuzz import parts

PROFILES: tuple[Any, ...] = (
    "idle",
    "web",
    "oltp",
    "kernel-build",
    "samples:probability=0.3",
    "uniform:writes_per_page_s=2",
    {"name": "replay", "file": "writes.json"},
    {
        "name": "inline",
        "zipf": {"share": 0.4, "exponent": 0.99, "writes_per_page_s": 1.0, "bins": 4},
        "classes": [{"share": 0.6, "writes_per_page_s": 0.1}],
        "moving": {"share": 0.2, "writes_per_page_s": 3.0, "period_s": 0.7},
        "sweep": {"share": 0.5, "sweeps_per_s": 0.6},
        "burst": {"on_s": 0.5, "off_s": 0.8, "level_off": 0.1},
    },
)
LUMPED_PROFILES = ("idle", "web", "kernel-build", "uniform:writes_per_page_s=2")
"""Those that every memory model takes."""


def scenario(random: Random) -> dict[str, Any]:
    """Return a scenario of four small hosts that ends within simulated seconds."""
    groups = [_vms(random, host) for host in range(random.choice((1, 2, 3)))]
    # Parts that the network fits to are kept to four hosts.
    topology = parts.good_part(random, "topologies", random.choice(("star", "leaf-spine")))
    data: dict[str, Any] = {
        "name": random.choice(("small", "a b", "β")),
        "run": {
            "duration_s": random.choice(("8 s", 8, 8.0)),
            "tick_s": 1,
            "control_interval_s": 4,
            "stop_when_idle": True,
            "fidelity": random.choice(("pages", "auto")),
        },
        "topology": topology,
        "hosts": [{"count": 4, "cpu_capacity": 8, "memory_bytes": "1 GiB"}],
        "vms": groups,
        "workload": {"demand": parts.good_part(random, "demand-models")},
        "transfer": {
            "strategy": random.choice(parts.known_parts()["strategies"]),
            "bandwidth_bps": "500 Mbit/s",
        },
        "migrations": [{"vm": 0, "target": 3, "at_s": 0.5}],
    }
    for section, chance in SECTIONS.items():
        if random.random() < chance:
            OPTIONAL[section](random, data)
    if "encoders" not in data["transfer"] and random.random() < 0.3:
        data["run"]["fidelity"] = random.choice(("lumped", "mean-field", "scalar"))
        for group in groups:
            group["profile"] = random.choice(LUMPED_PROFILES)
    return data


def _vms(random: Random, host: int) -> dict[str, Any]:
    return {
        "count": random.choice((1, 2)),
        "cpu_capacity": 2,
        "memory_bytes": random.choice(("1 MiB", 2**20, "600 kB")),
        "profile": random.choice(PROFILES),
        "host": host,
    }


def _stop(random: Random, data: dict[str, Any]) -> None:
    data["transfer"]["stop"] = parts.good_part(random, "stop-rules")


def _policy(random: Random, data: dict[str, Any]) -> None:
    data["transfer"].pop("stop", None)  # either decides alone
    data["transfer"]["policy"] = parts.good_part(random, "policies")


def _encoders(random: Random, data: dict[str, Any]) -> None:
    data["transfer"]["encoders"] = [parts.good_part(random, "encoders")]


def _manager(random: Random, data: dict[str, Any]) -> None:
    trigger = parts.good_part(random, "triggers")
    if trigger["name"] == "drain":
        trigger["hosts"] = [0]
    data["manager"] = {
        "triggers": [trigger],
        "max_per_cluster": 2,
        "order": parts.good_part(random, "queue-orders"),
        "interleave": random.random() < 0.3,
    }


def _background(random: Random, data: dict[str, Any]) -> None:
    data["background"] = [
        {"kind": "elastic", "pairs": "ring", "cap_bps": "100 Mbit/s"},
        {"kind": "inelastic", "source": 0, "target": 2, "rate_bps": 1e8, "on_s": 0.5, "off_s": 0.5},
    ]


def _faults(random: Random, data: dict[str, Any]) -> None:
    data["faults"] = [parts.good_part(random, "fault-kinds")]
    data["high_availability"] = {"restart_delay_s": 1.0, "retry_s": 1.0, "migration_retries": 1}


def _costs(random: Random, data: dict[str, Any]) -> None:
    data["costs"] = {"source_cpu": 1.0, "target_cpu": 0.5, "tracking_slowdown": 0.05}


def _traces(random: Random, data: dict[str, Any]) -> None:
    data["workload"] = {"demand": "trace", "traces": "traces", "trace_format": "planetlab"}


def _graphml(random: Random, data: dict[str, Any]) -> None:
    data["topology"] = {"name": "graphml", "path": "net.graphml"}


def _second_network(random: Random, data: dict[str, Any]) -> None:
    data["migration_topology"] = parts.good_part(random, "topologies", "star")


SECTIONS = {
    "stop": 0.3,
    "policy": 0.2,
    "encoders": 0.2,
    "manager": 0.3,
    "background": 0.2,
    "faults": 0.2,
    "costs": 0.2,
    "traces": 0.1,
    "graphml": 0.1,
    "second network": 0.1,
}
OPTIONAL = {
    "stop": _stop,
    "policy": _policy,
    "encoders": _encoders,
    "manager": _manager,
    "background": _background,
    "faults": _faults,
    "costs": _costs,
    "traces": _traces,
    "graphml": _graphml,
    "second network": _second_network,
}


def _other_axis(random: Random) -> dict[str, Any]:
    """Return one axis that is no list, or none."""
    kinds: list[dict[str, Any]] = [
        {},
        {"transfer.resume_s": {"range": {"from": "1 ms", "to": "2 ms", "step": "1 ms"}}},
        {"transfer.resume_s": {"logrange": {"from": 0.001, "to": 0.1, "values": 2}}},
    ]
    return random.choice(kinds)


def _other_kinds(random: Random) -> dict[str, Any]:
    """Return further entries of a study: zipped axes, variants, policies, conditions."""
    kinds: list[dict[str, Any]] = [
        {},
        {"zip": [{"run.tick_s": [1, 2], "run.control_interval_s": ["2 s", "4 s"]}]},
        {"variants": {"as it is": {}, "slow": {"transfer.prepare_s": "1 s"}}},
        {"policies": ["kubevirt", "nova:downtime_s=1"]},
        {"leave_out": [{"vms.0.page_bytes": {"above": "4 KiB"}, "strategy": "qemu"}]},
    ]
    return random.choice(kinds)


def study(random: Random) -> dict[str, Any]:
    """Return a study of some eight cells of the scenario in scenario.toml."""
    return {
        "name": "small",
        "scenario": "scenario.toml",
        "strategies": ["pre-copy", "qemu"],
        "replications": 2,
        "seed": 1,
        "fields": {"run.duration_s": "4 s"},
        "axes": {"vms.0.page_bytes": [4096, 8192], **_other_axis(random)},
        **_other_kinds(random),
        "smallest_differences": {"all": "2%"},
    }


def graph(random: Random) -> dict[str, Any]:
    """Return a GraphML document as nested tables: keys, nodes and edges, with their attributes."""
    keys = [
        {"id": "k", "for": "node", "attr.name": "kind", "attr.type": "string"},
        {"id": "r", "for": "node", "attr.name": "rack", "attr.type": "int"},
        {"id": "l", "for": "node", "attr.name": "label", "attr.type": "string"},
        {"id": "c", "for": "edge", "attr.name": "capacity_bps", "attr.type": "double"},
        {"id": "y", "for": "edge", "attr.name": "latency_s", "attr.type": "double"},
    ]
    hosts = [
        {"id": f"h{i}", "data": {"k": "host", "r": str(i // 2), "l": f"host {i}"}} for i in range(4)
    ]
    switch = {"id": "s", "data": {"k": "switch", "l": "switch"}}
    edges = [
        {"source": f"h{i}", "target": "s", "data": {"c": "1e9", "y": "0.0001"}} for i in range(4)
    ]
    return {
        "graph": {"edgedefault": "undirected"},
        "keys": keys,
        "nodes": [*hosts, switch],
        "edges": edges,
    }


def traces(random: Random, style: str) -> dict[str, bytes]:
    """Return trace files by name, in the style of PlanetLab or with times (blanks or commas)."""
    files = {}
    for number in range(4):
        use = [random.randrange(101) for _ in range(288 if style == "planetlab" else 20)]
        lines = [str(each) for each in use]
        if style == "timed":
            lines = [f"{i * 10} {each}" for i, each in enumerate(use)]
        if style == "csv":
            lines = ["time_s,cpu", *(f"{i * 10.5},{each}" for i, each in enumerate(use))]
        files[f"vm_{number}"] = ("\n".join(lines) + "\n").encode()
    return files


def recording() -> dict[str, Any]:
    """Return a recording of dirty pages for the write source "replay"."""
    return {"interval_s": 0.1, "dirty_pages": [[0, 7, 63], [3], [], [1, 2, 3, 100]]}


def validation() -> dict[str, Any]:
    """Return cases for `validate scalar`."""
    vm = {
        "id": "vm0",
        "src": "h0",
        "dst": "h1",
        "start": 0.0,
        "ram": 4294967296,
        "cap": 1249902592.0,
        "dirty_rate": 249980518.4,
        "ws": 3865470566,
        "links": [0],
        "total": 6.8,
        "downtime": 0.026,
    }
    return {"cases": [{"id": "v1", "note": "alone", "caps": [1.25e9], "vms": [vm, dict(vm)]}]}
