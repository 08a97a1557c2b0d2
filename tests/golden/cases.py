"""The golden runs: scenarios as plain data, run through the public names of the package.

A case returns tables by name. Most cases run one scenario in several variants; the tables of the
variants are put below one another, with the variant in the first column.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

import cluster_emu

Data = dict[str, Any]
Tables = dict[str, pd.DataFrame]
Case = Callable[[], Tables]

CASES: dict[str, Case] = {}
"""Every golden case by name, in the order in which they run."""

PAGE = 4096
MIB = 2**20
FAST_BPS = 8 * 10_000 * PAGE
"""A link that carries 10,000 pages a second."""
SLOW_BPS = FAST_BPS / 8


def case(function: Case) -> Case:
    CASES[function.__name__.replace("_", "-")] = function
    return function


# --- scenarios ------------------------------------------------------------------------------------

BUSY: Data = {
    "name": "inline",
    "classes": [
        {"share": 0.05, "writes_per_page_s": 4.0},
        {"share": 0.25, "writes_per_page_s": 0.2},
        {"share": 0.7, "writes_per_page_s": 0.005},
    ],
}
"""Write classes alone, which every memory model can take."""

RESTLESS: Data = {
    **BUSY,
    "moving": {"share": 0.1, "writes_per_page_s": 2.0, "period_s": 0.7},
    "sweep": {"share": 0.3, "sweeps_per_s": 0.3},
    "burst": {"on_s": 0.6, "off_s": 0.9, "level_off": 0.2},
}
"""A moving working set, a sequential writer and bursts on top of the classes."""

WANDERING: Data = {**BUSY, "moving": RESTLESS["moving"], "burst": RESTLESS["burst"]}
"""Likewise without the sequential writer, which cannot be lumped."""

LEAF_SPINE: Data = {
    "name": "leaf-spine",
    "leaves": 2,
    "spines": 2,
    "hosts_per_leaf": 3,
    "host_bps": FAST_BPS,
    "oversubscription": 3.0,
    "latency_s": 0.0005,
}


def star(hosts: int = 2, host_bps: float = FAST_BPS, **more: Any) -> Data:
    return {"name": "star", "hosts": hosts, "host_bps": host_bps, **more}


def vm(pages: int, profile: Any = None, host: int | None = None, **more: Any) -> Data:
    return {
        "count": 1,
        "cpu_capacity": 1.0,
        "memory_bytes": pages * PAGE,
        "profile": profile or BUSY,
        "host": host,
        **more,
    }


def single(pages: int, fidelity: str, **sections: Any) -> Data:
    """Return the scenario of one VM that moves from host 0 to host 1."""
    return cluster(2, [vm(pages, host=0)], fidelity, **sections)


def cluster(host_count: int, vms: list[Data], fidelity: str, **sections: Any) -> Data:
    """Return a scenario; the sections `run`, `transfer` and `workload` add to what stands here."""
    run = {
        "duration_s": 120.0,
        "tick_s": 1.0,
        "control_interval_s": 20.0,
        "stop_when_idle": True,
        "fidelity": fidelity,
    }
    transfer = {
        "stop": "xen-legacy",
        "device_state_bytes": 30_000.0,
        "suspend_s": 0.002,
        "resume_s": 0.011,
    }
    if sections.get("transfer", {}).get("policy"):
        del transfer["stop"]  # the policy decides
    workload = {"demand": {"name": "constant", "share": 0.8}}
    return {
        "name": "golden",
        "topology": star(host_count),
        "hosts": [{"count": host_count, "cpu_capacity": 8.0, "memory_bytes": 64 * 2**30}],
        "vms": vms,
        "migrations": [{"vm": 0, "target": 1, "at_s": 0.37}],
        **sections,
        "run": run | sections.get("run", {}),
        "transfer": transfer | sections.get("transfer", {}),
        "workload": workload | sections.get("workload", {}),
    }


def many(fidelity: str, **sections: Any) -> Data:
    """Return a scenario in which nine VMs of different sizes move between six hosts."""
    sizes = (900, 3000, 1500, 700, 2200, 1200, 2600, 500, 1800)
    vms = [vm(pages, host=number % 6) for number, pages in enumerate(sizes)]
    vms[1]["profile"] = vms[6]["profile"] = {"name": "uniform", "writes_per_page_s": 0.3}
    migrations = [
        {"vm": number, "target": (number % 6 + 1 + number // 4) % 6, "at_s": 0.25 * (number // 3)}
        for number in range(len(sizes))
    ]
    return cluster(
        6, vms, fidelity, **{"topology": LEAF_SPINE, "migrations": migrations, **sections}
    )


# --- runs -----------------------------------------------------------------------------------------


def run(data: Data, seed: int = 3) -> Tables:
    """Return the tables of a run."""
    model = cluster_emu.ClusterModel(cluster_emu.Scenario.model_validate(data), rng=seed)
    try:
        return dict(model.run().tables)
    finally:
        model.close()


def run_all(variants: Mapping[str, Data]) -> Tables:
    """Return the tables of all variants, one below the other."""
    results = {name: run(data) for name, data in variants.items()}
    return {table: stacked(table, results) for table in next(iter(results.values()))}


def stacked(table: str, results: Mapping[str, Tables]) -> pd.DataFrame:
    """Return one table of all results, the name of the result in the column `variant`."""
    found = {name: tables[table] for name, tables in results.items() if len(tables[table])}
    if not found:
        return next(iter(results.values()))[table]
    labelled = []
    for name, rows in found.items():
        rows = rows.copy()
        rows.insert(0, "variant", name)
        labelled.append(rows)
    return pd.concat(labelled, ignore_index=True)


def stop_at(*, rounds: int, **more: Any) -> Data:
    return {"name": "fixed-rounds", "rounds": rounds, **more}


# --- strategies and memory models -----------------------------------------------------------------

STRATEGIES = (
    "pre-copy",
    "stop-and-copy",
    "qemu",
    "xen-legacy",
    "xen-v2",
    "history-majority",
    "history-majority:history=2,first_round=full,peek_batch_pages=16",
    "time-series",
    "time-series:threshold=2,window=exclusive,to_send=literal",
    "time-series:sticky_last=true",
    "matrix-bitmap",
    "matrix-bitmap:peeks=6,theta=3,peek_batch_pages=64",
    "ma",
    "hybrid",
    "hybrid:live_rounds=3,pivots=3,preempt=false",
    "post-copy",
    "post-copy:bubbling=false",
    "post-copy:pivots=3",
)
ONLY_PAGES = (
    "qemu:clear_granularity=page",
    "qemu:chunk_pages=512",
    "xen-legacy:peek_batch_pages=1,first_round=full",
    "history-majority:to_send=literal",
    "hybrid:ballooned_share=0.3",
    "post-copy:ballooned_share=0.3",
)


def strategies(names: tuple[str, ...], base: Callable[..., Data], **transfer: Any) -> Tables:
    return run_all({name: base(transfer={"strategy": name, **transfer}) for name in names})


@case
def strategies_pages() -> Tables:
    def base(**sections: Any) -> Data:
        run_section = {"track_versions": True}
        return cluster(2, [vm(1500, RESTLESS, 0)], "pages", run=run_section, **sections)

    return strategies(STRATEGIES + ONLY_PAGES, base, warm_intervals=3, warm_interval_s=0.4)


@case
def strategies_lumped() -> Tables:
    def base(**sections: Any) -> Data:
        return single(6000, "lumped", **sections)

    return strategies(STRATEGIES, base)


@case
def strategies_lumped_moving_set() -> Tables:
    def base(**sections: Any) -> Data:
        return cluster(2, [vm(6000, WANDERING, 0)], "lumped", **sections)

    return strategies(STRATEGIES, base)


@case
def strategies_lumped_large() -> Tables:
    """Many pages per group take other samplers and more address ranges than few."""

    def base(**sections: Any) -> Data:
        return single(400_000, "lumped", topology=star(host_bps=10 * FAST_BPS), **sections)

    return strategies(STRATEGIES, base, warm_intervals=2)


@case
def strategies_mean_field() -> Tables:
    def base(**sections: Any) -> Data:
        return single(60_000, "mean-field", **sections)

    return strategies(STRATEGIES, base)


@case
def strategies_mean_field_moving_set() -> Tables:
    def base(**sections: Any) -> Data:
        return cluster(2, [vm(60_000, WANDERING, 0)], "mean-field", **sections)

    return strategies(STRATEGIES, base)


@case
def strategies_scalar() -> Tables:
    def base(**sections: Any) -> Data:
        return cluster(2, [vm(60_000, RESTLESS, 0)], "scalar", **sections)

    return strategies(STRATEGIES, base)


@case
def auto() -> Tables:
    """Large VMs are lumped, small ones and those with a moving working set keep their pages."""
    vms = [vm(1000, host=0), vm(140_000, host=1), vm(800, RESTLESS, 2), vm(150_000, host=0)]
    migrations = [{"vm": number, "target": 3 - number, "at_s": 0.1 * number} for number in range(4)]
    migrations[1]["target"] = 3
    base = cluster(4, vms, "auto", migrations=migrations, topology=star(4, 10 * FAST_BPS))
    return run_all(
        {
            name: {**base, "transfer": {**base["transfer"], "strategy": name}}
            for name in ("pre-copy", "history-majority", "hybrid")
        }
    )


# --- what writes pages ----------------------------------------------------------------------------

PROFILES = ("idle", "web", "kernel-build", "oltp", "cache", "stream", "analytics", "memory-hog")


@contextmanager
def recording() -> Iterator[str]:
    """Yield the path of a recording of dirty pages."""
    sets = [[(7 * step + 11 * place) % 900 for place in range(step % 40)] for step in range(25)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.json"
        path.write_text(json.dumps({"interval_s": 0.05, "dirty_pages": sets}), encoding="utf-8")
        yield str(path)


@case
def write_profiles() -> Tables:
    variants = {
        f"{name}/{fidelity}": cluster(
            2, [vm(pages, name, 0)], fidelity, transfer={"strategy": strategy}
        )
        for name in PROFILES
        for fidelity, pages, strategy in (
            ("pages", 1200, "history-majority"),
            ("auto", 140_000, "pre-copy"),
            ("scalar", 50_000, "pre-copy"),
        )
        if fidelity != "auto" or name in ("idle", "web", "cache")
    }
    return run_all(variants)


@case
def write_sources() -> Tables:
    with recording() as file:
        sources: dict[str, Data] = {
            "uniform": {"name": "uniform", "writes_per_page_s": 0.7},
            "samples": {"name": "samples", "probability": 0.4},
            "replay-time": {"name": "replay", "file": file},
            "replay-round": {"name": "replay", "file": file, "per": "round"},
        }
        variants = {
            f"{source}/{strategy}": cluster(
                2,
                [vm(1000, sources[source], 0)],
                "pages",
                transfer={"strategy": strategy, "stop": stop_at(rounds=6), "warm_intervals": 4},
            )
            for source, strategy in product(
                sources, ("pre-copy", "qemu", "time-series", "matrix-bitmap")
            )
        }
        for fidelity, source in (
            ("lumped", "samples"),
            ("lumped", "uniform"),
            ("mean-field", "samples"),
            ("mean-field", "uniform"),
            ("scalar", "uniform"),
        ):
            variants[f"{source}/{fidelity}"] = cluster(2, [vm(9000, sources[source], 0)], fidelity)
        variants["replay-time/scalar"] = cluster(2, [vm(1000, sources["replay-time"], 0)], "scalar")
        paper = vm(31_250, sources["samples"], 0, page_count=10, count=2)
        variants["paper"] = cluster(
            2,
            [paper],
            "pages",
            topology=star(2, 10e6),
            migrations=[{"vm": 0, "target": 1}, {"vm": 1, "target": 1}],
            transfer={
                "strategy": "history-majority:first_round=full",
                "stop": stop_at(rounds=5),
                "page_time_s": 6.78e-3,
                "page_header_bytes": 0.0,
                "warm_intervals": 5,
            },
        )
        return run_all(variants)


# --- stop rules and managers' policies ------------------------------------------------------------

STOP_RULES = (
    "xen-legacy",
    "xen-v2",
    "clark",
    "clark:min_bytes=2e6,step_bps=2e8",
    "no-progress",
    "no-progress:alpha=0.9,patience=1",
    "fixed-rounds:rounds=1",
    "fixed-rounds:rounds=20,deadline_s=2.3",
    "downtime-limit:downtime_limit_s=0.1,deadline_s=30,at_deadline=stop",
    "qemu:downtime_limit_s=0.2,deadline_s=6.7",
    "qemu:downtime_limit_s=0.01,deadline_s=4.3,at_deadline=stop",
    "deadline:deadline_s=1.9",
    "deadline:deadline_s=2.9,at_deadline=abort",
)


@case
def stop_rules() -> Tables:
    return run_all(
        {
            f"{stop}/{fidelity}": single(
                pages, fidelity, transfer={"stop": stop, "strategy": strategy}
            )
            for stop in STOP_RULES
            for fidelity, pages, strategy in (
                ("pages", 3000, "pre-copy"),
                ("lumped", 9000, "qemu"),
                ("scalar", 9000, "pre-copy"),
            )
        }
    )


STALL_DETECTION = "kubevirt-stall-detection:completion_timeout_s_per_gib"
POLICIES = (
    "kubevirt",
    "kubevirt-hco",
    "kubevirt-downtime-tuning:tuning_cooldown_s=2",
    "kubevirt-stall-detection",
    f"{STALL_DETECTION}=60,allow_post_copy=true,progress_timeout_s=5",
    "kubevirt:auto_converge=true,completion_timeout_s_per_gib=90,retries=2",
    "kubevirt:allow_post_copy=true,completion_timeout_s_per_gib=60",
    f"{STALL_DETECTION}=60,allow_workload_disruption=true,stall_window_s=5",
    f"{STALL_DETECTION}=3000,stall_window_s=4",
    f"{STALL_DETECTION}=3000,stall_window_s=4,max_downtime_s=4",
    f"{STALL_DETECTION}=3000,stall_window_s=4,allow_workload_disruption=true",
    f"{STALL_DETECTION}=3000,stall_window_s=4,allow_post_copy=true",
    "nova",
    "nova:downtime_steps=4,downtime_delay_s_per_gib=3,completion_timeout_s_per_gib=12",
    "nova:timeout_action=force_complete,completion_timeout_s_per_gib=9",
    "nova:permit_post_copy=true,timeout_action=force_complete,completion_timeout_s_per_gib=9",
    "nova:permit_auto_converge=true,completion_timeout_s_per_gib=40",
    "ovirt-minimal-downtime",
    "ovirt-post-copy",
    "ovirt-post-copy:poll_s=2",
    "ovirt-suspend-workload:poll_s=2",
    "ovirt-very-large-vms:poll_s=2",
    "proxmox",
    "proxmox:auto_converge=false,bad_polls=2",
    "qemu:timeout_s=20",
    "qemu:auto_converge=true,trigger_percent=30",
    "qemu:dirty_limit=true,vcpu_dirty_limit_bytes_per_s=2e6,vcpus=2",
    "vmotion",
    "vmotion:switchover_goal_s=0.05,timeout_s=30",
    "xen",
    "xen:max_rounds=4,min_pages=10",
)


def stubborn(pages: int, fidelity: str, profile: Data, **transfer: Any) -> Data:
    """Return a VM on a link that hardly carries what it writes."""
    return cluster(
        2, [vm(pages, profile, 0)], fidelity, topology=star(2, SLOW_BPS), transfer=transfer
    )


@case
def policies_lumped() -> Tables:
    return run_all(
        {
            f"{policy}/{rate}": stubborn(
                pages,
                "lumped",
                {"name": "uniform", "writes_per_page_s": rate},
                policy=policy,
                strategy="qemu",
            )
            for policy in POLICIES
            for rate, pages in ((0.02, 8000), (0.6, 8000))
        }
    )


@case
def policies_pages() -> Tables:
    policies = [name for name in POLICIES if ":" in name or name in ("vmotion", "xen", "proxmox")]
    return run_all(
        {
            policy: stubborn(
                1500, "pages", RESTLESS, policy=policy, strategy="qemu", channels=2, weight=2.0
            )
            for policy in policies
        }
    )


@case
def policies_scalar_and_mean_field() -> Tables:
    profile = {"name": "uniform", "writes_per_page_s": 0.47}
    return run_all(
        {
            f"{policy}/{fidelity}": stubborn(
                8000, fidelity, profile, policy=policy, lift_cap_when_stopped=True
            )
            for fidelity, policy in product(("scalar", "mean-field"), POLICIES)
        }
    )


# --- who starts when ------------------------------------------------------------------------------

QUEUE_ORDERS = (
    "fifo",
    "smallest-first",
    "largest-first",
    "lowest-write-rate-first",
    "disjoint-bottlenecks",
    "disjoint-bottlenecks:otherwise=share",
)


@case
def queue_orders() -> Tables:
    return run_all(
        {
            f"{order}/{'round-robin' if interleave else 'concurrent'}/{limit}": many(
                "lumped",
                manager={
                    "order": order,
                    "interleave": interleave,
                    "max_per_cluster": limit,
                    "max_outbound_per_host": 1,
                },
            )
            for order, interleave, limit in product(QUEUE_ORDERS, (False, True), (2, None))
        }
    )


@case
def queue_orders_pages() -> Tables:
    return run_all(
        {
            f"{strategy}/{interleave}": many(
                "pages",
                manager={"order": order, "interleave": interleave, "max_inbound_per_host": 2},
                transfer={"strategy": strategy},
            )
            for strategy, order, interleave in (
                ("pre-copy", "smallest-first", False),
                ("history-majority", "fifo", True),
                ("hybrid", "largest-first", True),
                ("post-copy", "disjoint-bottlenecks", False),
            )
        }
    )


def crowd(pages: int, fidelity: str, strategy: str, **sections: Any) -> Data:
    """Return 90 VMs that move between 20 hosts within three seconds."""
    vms = [vm(pages + 37 * number, host=number % 20) for number in range(90)]
    migrations = [
        {"vm": number, "target": (number % 20 + 1 + number // 20) % 20, "at_s": 0.1 * (number % 31)}
        for number in range(90)
    ]
    return cluster(
        20, vms, fidelity, migrations=migrations, transfer={"strategy": strategy}, **sections
    )


@case
def crowds() -> Tables:
    """So many at once that rates change in every round, and tables of flows have to grow."""
    return run_all(
        {
            "pages": crowd(200, "pages", "xen-legacy:peek_batch_pages=64"),
            "lumped": crowd(2000, "lumped", "history-majority"),
            "mean-field": crowd(2000, "mean-field", "xen-legacy"),
            "scalar": crowd(2000, "scalar", "qemu"),
            "post-copy": crowd(2000, "lumped", "hybrid"),
            "limited": crowd(
                2000,
                "lumped",
                "qemu",
                manager={"max_outbound_per_host": 2, "max_inbound_per_host": 2},
            ),
        }
    )


@case
def preparing_slots() -> Tables:
    preparing = {"max_per_cluster": 2, "max_outbound_per_host": 1, "max_inbound_per_host": 1}
    variants = {
        f"{policy}/{slots}/{interleave}": many(
            "scalar",
            transfer={"prepare_s": 0.8, "finish_s": 0.45, **({"policy": policy} if policy else {})},
            manager={
                "max_per_cluster": 3,
                "interleave": interleave,
                **({"preparing": preparing} if slots else {}),
            },
        )
        for policy, slots, interleave in product(("", "vmotion"), (False, True), (False, True))
    }
    variants["retries"] = many(
        "lumped",
        topology=LEAF_SPINE | {"host_bps": SLOW_BPS / 2},
        transfer={
            "policy": "kubevirt:retries=2,retry_backoff_s=2,completion_timeout_s_per_gib=100",
            "strategy": "qemu",
            "prepare_s": 0.3,
        },
    )
    return run_all(variants)


# --- encoders, caps and costs ---------------------------------------------------------------------


@case
def encoders() -> Tables:
    chains: dict[str, list[str]] = {
        "zero-page": ["zero-page:share=0.4"],
        "xbzrle": [f"xbzrle:cache_bytes={256 * PAGE}"],
        "compression": ["compression:ratio=0.6,cpu_bytes_per_s=2e7"],
        "all": ["zero-page", "xbzrle:delta_share=0.3,overflow=0.2", "compression"],
    }
    return run_all(
        {
            f"{chain}/{strategy}": cluster(
                2,
                [vm(1500, RESTLESS, 0)],
                "pages",
                transfer={"strategy": strategy, "encoders": chains[chain], "channels": channels},
            )
            for (chain, (strategy, channels)) in product(
                chains,
                (("qemu", 1), ("history-majority", 3), ("hybrid", 2), ("post-copy", 1)),
            )
        }
    )


@case
def caps_and_costs() -> Tables:
    """Caps of the rate, channels, CPU taken from hosts that have none to spare, tracking."""
    costs = {"source_cpu": 1.0, "target_cpu": 0.5, "tracking_slowdown": 0.07}
    caps: dict[str, Data] = {
        "none": {},
        "bandwidth": {"bandwidth_bps": 0.4 * FAST_BPS, "lift_cap_when_stopped": True},
        "channels": {"channels": 2, "channel_bandwidth_bps": 0.3 * FAST_BPS},
        "page-time": {"page_time_s": 4e-4},
    }
    demands: dict[str, Data] = {
        "constant": {"name": "constant", "share": 1.0},
        "diurnal": {
            "name": "diurnal",
            "mean": 0.6,
            "amplitude": 0.4,
            "period_s": 3.0,
            "peak_at_s": 1.0,
            "jitter_s": 1.0,
            "step_s": 0.31,
        },
    }
    vms = [vm(1500, RESTLESS, 0), vm(900, host=0, cpu_capacity=3.0), vm(900, host=1, count=4)]
    return run_all(
        {
            f"{cap}/{demand}/{fidelity}/{strategy}": cluster(
                2,
                [{**one, "profile": RESTLESS if fidelity == "pages" else BUSY} for one in vms],
                fidelity,
                hosts=[{"count": 2, "cpu_capacity": 4.0, "memory_bytes": 2**30}],
                migrations=[{"vm": 0, "target": 1}, {"vm": 2, "target": 0, "at_s": 0.5}],
                workload={"demand": demands[demand], "write_intensity": "affine:idle_share=0.3"},
                transfer={"strategy": strategy, **caps[cap]},
                costs=costs,
            )
            for cap, demand, (fidelity, strategy) in product(
                caps,
                demands,
                (("pages", "pre-copy"), ("pages", "hybrid"), ("lumped", "xen-legacy")),
            )
        }
    )


# --- networks -------------------------------------------------------------------------------------

GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d0" for="node" attr.name="kind" attr.type="string"/>
<key id="d1" for="edge" attr.name="capacity_bps" attr.type="double"/>
<graph edgedefault="undirected">
<node id="s0"><data key="d0">switch</data></node>
<node id="s1"><data key="d0">switch</data></node>
{hosts}
<edge source="s0" target="s1"><data key="d1">{link_bps}</data></edge>
</graph>
</graphml>
"""


@contextmanager
def graphml() -> Iterator[str]:
    """Yield the path of a network of six hosts on two switches."""
    hosts = "\n".join(
        f'<node id="h{number}"><data key="d0">host</data></node>'
        f'<edge source="h{number}" target="s{number % 2}"><data key="d1">{FAST_BPS}</data></edge>'
        for number in range(6)
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.graphml"
        path.write_text(GRAPHML.format(hosts=hosts, link_bps=FAST_BPS), encoding="utf-8")
        yield str(path)


BACKGROUND: list[Data] = [
    {"pairs": "ring", "cap_bps": 0.3 * FAST_BPS, "weight": 2.0},
    {"pairs": "random", "count": 4, "on_s": 0.4, "off_s": 0.3},
    {"kind": "inelastic", "source": 0, "target": 4, "rate_bps": 0.3 * FAST_BPS, "start_s": 0.2},
    {
        "kind": "inelastic",
        "pairs": "random",
        "count": 3,
        "rate_bps": 0.2 * FAST_BPS,
        "on_s": 0.3,
        "off_s": 0.5,
        "durations": "fixed",
        "stop_s": 5.0,
    },
]


def topologies(graphml_path: str) -> dict[str, Data]:
    switch_bps = {"link_bps": FAST_BPS, "host_bps": FAST_BPS}
    return {
        "star": star(6, FAST_BPS, bonds=2),
        "leaf-spine": {**LEAF_SPINE, "bonds": 2},
        "fat-tree": {"name": "fat-tree", "k": 4, "link_bps": FAST_BPS, "latency_s": 0.001},
        "three-tier": {
            "name": "three-tier",
            "pods": 2,
            "racks_per_pod": 2,
            "hosts_per_rack": 2,
            "host_bps": FAST_BPS,
            "rack_oversubscription": 2.0,
            "core_oversubscription": 2.0,
        },
        "jellyfish": {
            "name": "jellyfish",
            "switches": 6,
            "degree": 3,
            "hosts_per_switch": 1,
            "seed": 5,
            **switch_bps,
        },
        "graphml": {"name": "graphml", "path": graphml_path},
    }


HOSTS_OF = {"fat-tree": 16, "three-tier": 8}


@case
def networks() -> Tables:
    """Every topology, with migrations alone and with background traffic of both kinds."""
    with graphml() as path:
        return run_all(
            {
                f"{name}/{len(background)}": many(
                    "lumped",
                    topology=topology,
                    hosts=[
                        {
                            "count": HOSTS_OF.get(name, 6),
                            "cpu_capacity": 8.0,
                            "memory_bytes": 2**34,
                        }
                    ],
                    background=background,
                )
                for name, topology in topologies(path).items()
                for background in ([], BACKGROUND)
            }
        )


@case
def background_traffic() -> Tables:
    all_to_all = [{"pairs": "all-to-all", "on_s": 0.5, "off_s": 0.5, "durations": "fixed"}]
    beside = {"migration_topology": star(6, FAST_BPS / 2)}
    variants = {
        f"{strategy}/{name}": many(
            "pages", background=background, transfer={"strategy": strategy}, **more
        )
        for strategy in ("qemu", "post-copy")
        for name, background, more in (
            ("mixed", BACKGROUND, {}),
            ("all-to-all", all_to_all, {}),
            ("beside", BACKGROUND, beside),
        )
    }
    variants["interleave"] = many("scalar", background=BACKGROUND, manager={"interleave": True})
    return run_all(variants)


# --- faults ---------------------------------------------------------------------------------------

CRASHES: list[Data] = [
    {"kind": "host-crash", "host": 1, "at_s": 0.4, "repair_s": 3.0},
    {"kind": "host-crash", "hosts": [3], "at_s": 1.1},
    {"kind": "host-crash", "hosts": "all", "mtbf_s": 30.0, "mttr_s": 2.0},
]
BROKEN_LINKS: list[Data] = [
    {"kind": "link-down", "between": ["leaf0", "spine1"], "at_s": 0.3, "duration_s": 0.8},
    {"kind": "link-down", "links": "all", "mtbf_s": 9.0, "mttr_s": 0.3},
    {"kind": "link-slow", "links": "all", "mtbf_s": 3.0, "mttr_s": 0.5, "factor": 0.2},
]
RECOVERY: Data = {
    "restart_delay_s": 1.5,
    "retry_s": 2.0,
    "migration_retries": 2,
    "migration_retry_backoff_s": 0.5,
}


@case
def host_crashes() -> Tables:
    run_section = {"duration_s": 25.0, "stop_when_idle": False, "control_interval_s": 5.0}
    return run_all(
        {
            f"{strategy}/{fidelity}/{recovery}": many(
                fidelity,
                run=run_section,
                transfer={"strategy": strategy, "prepare_s": 0.1, "finish_s": 0.1},
                faults=CRASHES,
                high_availability={**RECOVERY, "postcopy_recovery": recovery},
                manager={"max_per_cluster": 4, "interleave": fidelity == "scalar"},
            )
            for strategy, (fidelity, recovery) in product(
                ("pre-copy", "hybrid", "post-copy"),
                (("pages", False), ("lumped", True), ("scalar", False)),
            )
        }
    )


@case
def link_faults() -> Tables:
    run_section = {"duration_s": 40.0}
    return run_all(
        {
            f"{policy}/{strategy}/{fidelity}": many(
                fidelity,
                run=run_section,
                transfer={"strategy": strategy, "policy": policy},
                faults=BROKEN_LINKS,
                background=BACKGROUND,
            )
            for policy in ("kubevirt:progress_timeout_s=2,retries=1", "proxmox", "vmotion")
            for strategy, fidelity in (("qemu", "pages"), ("hybrid", "lumped"), ("qemu", "scalar"))
        }
    )


# --- plans of the manager -------------------------------------------------------------------------


@contextmanager
def traces() -> Iterator[str]:
    """Yield the path of a folder of seven traces in PlanetLab's format."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(7):
            samples = [(13 * number + (3 + number) * step % 53) % 101 for step in range(288)]
            path = Path(folder) / f"vm-{number}"
            path.write_text("\n".join(map(str, samples)) + "\n", encoding="utf-8")
        yield folder


def datacentre(*triggers: Any, demand: Any = "trace", **sections: Any) -> Data:
    """Return eight hosts with 32 VMs for two hours."""
    return {
        "name": "golden",
        "topology": {
            "name": "leaf-spine",
            "leaves": 2,
            "spines": 2,
            "hosts_per_leaf": 4,
            "host_bps": 1e10,
            "oversubscription": 2.0,
        },
        "hosts": [
            {
                "count": 5,
                "cpu_capacity": 8,
                "memory_bytes": 24 * 2**30,
                "power": {"name": "specpower", "server": "dell-r720"},
            },
            {
                "count": 3,
                "cpu_capacity": 12,
                "memory_bytes": 16 * 2**30,
                "power": {"name": "linear", "idle_w": 100.0, "peak_w": 220.0, "sleep_w": 5.0},
            },
        ],
        "vms": [
            {
                "count": 24,
                "cpu_capacity": 2,
                "memory_bytes": 2**30,
                "profile_mix": {"idle": 2, "web": 4, "cache": 1},
            },
            {"count": 8, "cpu_capacity": 4, "memory_bytes": 2 * 2**30, "profile": "web"},
        ],
        "placement": "spread",
        "run": {
            "duration_s": 7200.0,
            "tick_s": 60.0,
            "control_interval_s": 300.0,
            "fidelity": "auto",
        },
        "transfer": {
            "strategy": "pre-copy",
            "stop": "xen-legacy",
            "device_state_bytes": 2.0**20,
            "resume_s": 0.02,
        },
        "manager": {"triggers": list(triggers), "max_per_cluster": 6},
        **sections,
        "workload": {"demand": demand, **sections.get("workload", {})},
    }


@case
def consolidation() -> Tables:
    underload = {"name": "least-utilised", "below": 0.3, "max_hosts": 2}
    variants = {
        f"{placement}/{start}": datacentre(
            {
                "name": "consolidation",
                "underload": underload,
                "overload": {"name": "static-threshold", "upper": 0.7},
                "selection": "minimum-migration-time",
                "placement": {"name": placement, **more},
            },
            placement=start,
        )
        for placement, start, more in (
            ("power-aware-best-fit-decreasing", "spread", {}),
            ("most-free", "random", {"wake": False}),
            ("memory-best-fit-decreasing", "pack", {}),
        )
    }
    variants["defaults"] = datacentre("consolidation")
    variants["background-traffic"] = datacentre(
        "consolidation", background=[{"pairs": "ring"}], costs={"source_cpu": 1.0}
    )
    variants["always-on"] = datacentre("consolidation", manager={"triggers": ["consolidation"]})
    variants["always-on"]["manager"]["switch_off_empty_hosts"] = False
    return run_all(variants)


@case
def consolidation_on_read_traces() -> Tables:
    with traces() as folder:
        workload = {"traces": folder, "trace_format": "planetlab"}
        return run_all(
            {
                name: datacentre("consolidation", demand=demand, workload=workload)
                for name, demand in (
                    ("files", {"name": "trace", "order": "files"}),
                    ("linear", {"name": "trace", "interpolation": "linear", "step_s": 120.0}),
                )
            }
        )


@case
def load_balance_and_drain() -> Tables:
    diurnal = {"name": "diurnal", "mean": 0.5, "amplitude": 0.4, "period_s": 3600.0}
    faults = [{"kind": "host-crash", "host": 7, "at_s": 2000.0, "repair_s": 900.0}]
    return run_all(
        {
            "range": datacentre("load-balance:spread=0.1", placement="pack"),
            "stddev": datacentre(
                "load-balance:measure=stddev,spread=0.08,max_moves=3", demand=diurnal
            ),
            "drain-hosts": datacentre(
                {"name": "drain", "hosts": [0, 5], "at_s": 600.0}, "load-balance", demand=diurnal
            ),
            "drain-rack": datacentre({"name": "drain", "racks": [1], "overcommit": False}),
            "drain-and-crash": datacentre(
                {"name": "drain", "hosts": [2]}, "consolidation", faults=faults
            ),
        }
    )


# --- runs that are stepped or streamed, and studies of many runs ----------------------------------


@case
def stepped() -> Tables:
    """A run step by step, with what its data collector saw."""
    scenario = cluster_emu.Scenario.model_validate(datacentre("consolidation"))
    model = cluster_emu.ClusterModel(scenario, rng=11)
    try:
        while model.running:
            model.step()
        collected = model.datacollector.get_model_vars_dataframe().reset_index(drop=True)
        return {**model.result().tables, "collected": collected}
    finally:
        model.close()


@case
def streamed() -> Tables:
    scenario = cluster_emu.Scenario.model_validate(datacentre("consolidation"))
    with tempfile.TemporaryDirectory() as folder:
        model = cluster_emu.ClusterModel(scenario, rng=11, stream_to=Path(folder))
        try:
            tables = dict(model.run().tables)
        finally:
            model.close()
        return {**tables, **saved_tables(Path(folder))}


@case
def built_in_paper() -> Tables:
    """A built-in scenario under two fields set by path and another strategy."""
    fields = {"vms.0.profile.probability": 0.3, "transfer.stop.rounds": 4}
    model = cluster_emu.ClusterModel("paper", strategy="time-series", rng=5, **fields)
    try:
        return dict(model.run().tables)
    finally:
        model.close()


def saved_tables(folder: Path) -> Tables:
    return {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def saved(result: Any) -> Tables:
    """Return the tables that a study saves, and the numbers of its JSON document."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result.save(folder)
        other = ("result.json", "run.json")  # what is in the folder, and what runs it again
        (document,) = (path for path in folder.glob("*.json") if path.name not in other)
        figures = dict(leaves(json.loads(document.read_text(encoding="utf-8"))))
        table = pd.DataFrame(
            {
                "figure": list(figures),
                "value": pd.array(list(figures.values()), dtype="float64"),
            }
        )
        return {**saved_tables(folder), "figures": table}


def leaves(document: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield the path and value of every number; None, which has no number, is NaN."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key != "versions":
                yield from leaves(value, f"{path}/{key}")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from leaves(value, f"{path}/{number}")
    elif document is None:
        yield path, float("nan")
    elif isinstance(document, int | float):
        yield path, float(document)


def evacuation() -> Data:
    """Return eight hosts in two racks that have room for the VMs of one host more."""
    data = datacentre(
        run={
            "duration_s": 1800.0,
            "tick_s": 1.0,
            "control_interval_s": 60.0,
            "stop_when_idle": True,
            "fidelity": "lumped",
        },
    )
    data["vms"] = [
        {"count": 12, "cpu_capacity": 2, "memory_bytes": 256 * MIB, "profile": BUSY},
        {"count": 12, "cpu_capacity": 1, "memory_bytes": 512 * MIB, "profile": "web"},
    ]
    return data


@case
def evacuate() -> Tables:
    scenario = cluster_emu.Scenario.model_validate(evacuation())
    results = {
        policy: saved(
            cluster_emu.evacuate(
                scenario,
                hosts=[1] if policy != "nova" else [],
                racks=[0] if policy == "nova" else [],
                policy=policy,
                strategy=strategy,
                parallel=parallel,
                replications=2,
                seed=4,
            )
        )
        for policy, strategy, parallel in (
            ("kubevirt", "qemu", None),
            ("nova", "history-majority", 4),
            ("none", "hybrid", 2),
        )
    }
    return {table: stacked(table, results) for table in results["kubevirt"]}


@case
def advise() -> Tables:
    return saved(
        cluster_emu.advise(
            cluster_emu.Scenario.model_validate(evacuation()),
            hosts=[1],
            max_downtime_s=0.2,
            policies=["vmotion", "proxmox"],
            strategies=["qemu", "hybrid"],
            parallel=[1, 2],
            replications=2,
            seed=4,
        )
    )


@case
def compare() -> Tables:
    data = single(1200, "pages", transfer={"strategy": "time-series:history=4,threshold=3"})
    data["vms"][0]["profile"] = RESTLESS
    return saved(
        cluster_emu.compare(
            cluster_emu.Scenario.model_validate(data),
            ["time-series", "history-majority", "post-copy"],
            replications=4,
            seed=2,
        )
    )


GRID = """
name = "grid"
scenario = "paper"
strategies = ["time-series:threshold=3", "history-majority"]
replications = 2
seed = 6

[axes]
"vms.0.profile.probability" = [0.2, 0.6]
"transfer.warm_intervals" = [0, 5]
"transfer.encoders" = [[], ["zero-page"]]
"""


@case
def grid() -> Tables:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "grid.toml").write_text(GRID, encoding="utf-8")
        table = cluster_emu.run_batch(folder / "grid.toml", out=folder / "results").table
        # the name of a cell is a hash of its scenario's fields, new ones with defaults included
        return {"cells": table.drop(columns="cell")}
