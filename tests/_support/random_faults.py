"""Random small clusters in which hosts and links fail while VMs migrate."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cluster_emu.scenario import Scenario
from tests._support.record_checks import AMPLE_CPU
from tests._support.small_scenarios import BPS, PAGE, scenario

HOSTS = 4
TOPOLOGIES = {
    "star": {"name": "star", "hosts": HOSTS, "host_bps": BPS, "latency_s": 0.001},
    "leaf-spine": {
        "name": "leaf-spine",
        "leaves": 2,
        "spines": 1,
        "hosts_per_leaf": 2,
        "host_bps": BPS,
        "oversubscription": 2.0,
    },
}
TOPOLOGIES["bonds"] = {"name": "star", "hosts": HOSTS, "host_bps": BPS, "bonds": 2}
LINKS = {
    "bonds": [[0, 4], [1, 4], [2, 4], [3, 4]],
    "star": [[0, 4], [1, 4], [2, 4], [3, 4]],
    "leaf-spine": [[0, 4], [1, 4], [2, 5], [3, 5], [4, 6], [5, 6]],
}
STRATEGIES = [
    "pre-copy",
    "history-majority",
    "xen-legacy",
    "stop-and-copy",
    "post-copy",
    "post-copy:bubbling=false",
    "hybrid",
    "hybrid:live_rounds=2",
]
POLICIES = [
    None,
    "kubevirt-stall-detection:poll_s=0.1,stall_window_s=1,completion_timeout_s_per_gib=400,retry_backoff_s=1",
    "kubevirt:stall_detection=false,progress_timeout_s=1,retries=1,retry_backoff_s=0",
    "kubevirt-stall-detection:completion_timeout_s_per_gib=90,allow_workload_disruption=true,allow_post_copy=true",
    "proxmox:poll_s=0.2,auto_converge=true",
    "qemu:timeout_s=3",
    "qemu:auto_converge=true,timeout_s=8",
    "nova:completion_timeout_s_per_gib=1,timeout_action=force_complete,permit_post_copy=true",
    "nova:completion_timeout_s_per_gib=2",
    "ovirt-post-copy:poll_s=0.5",
    "vmotion:timeout_s=5",
    "xen",
]
PROFILES = [
    {"name": "uniform", "writes_per_page_s": 0.0},
    {"name": "uniform", "writes_per_page_s": 2.0},
    "oltp",
    "memory-hog",
    "kernel-build",
]
ENCODERS = [
    (),
    (),
    ("zero-page", "xbzrle"),
    ("compression:cpu_bytes_per_s=2e6",),
    ("xbzrle:cache_bytes=262144", "compression:ratio=0.6,cpu_bytes_per_s=3e6"),
]
MIGRATION_NETWORKS = [None, None, {"name": "star", "hosts": HOSTS, "host_bps": 0.7 * BPS}]
ROUND_TIMES = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
"""Times at which much happens at once: ticks, ends of preparations, other faults."""
TIMES = st.one_of(ROUND_TIMES, st.floats(0.0, 6.0, allow_nan=False).map(lambda t: round(t, 3)))
SPANS = st.one_of(st.none(), st.sampled_from([0.25, 0.5, 1.0]), st.floats(0.001, 5.0))


@st.composite
def one_fault(draw: st.DrawFn, topology: str) -> dict[str, Any]:
    """Draw a fault that strikes once, or a random process."""
    kind = draw(st.sampled_from(["host-crash", "host-crash", "link-down", "link-slow"]))
    fault: dict[str, Any] = {"kind": kind}
    if kind == "link-slow":
        fault["factor"] = draw(st.sampled_from([0.01, 0.1, 0.5]))
    if draw(st.integers(0, 3)) == 0:
        fault["mtbf_s"] = draw(st.sampled_from([2.0, 5.0, 20.0]))
        fault["mttr_s"] = draw(st.sampled_from([None, 0.1, 1.0, 4.0]))
        return {name: value for name, value in fault.items() if value is not None}
    fault["at_s"] = draw(TIMES)
    span = draw(SPANS)
    if kind == "host-crash":
        struck = draw(st.sets(st.integers(0, HOSTS - 1), min_size=1, max_size=2))
        fault |= {"hosts": sorted(struck)} | ({} if span is None else {"repair_s": span})
    else:
        fault["between"] = draw(st.sampled_from(LINKS[topology]))
        fault |= {} if span is None else {"duration_s": span}
    return fault


@st.composite
def background_groups(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a group of flows that compete with migrations."""
    group = draw(st.sampled_from([{"pairs": "ring"}, {"pairs": "random", "count": 3}]))
    kind = draw(
        st.sampled_from(
            [
                {"kind": "inelastic", "rate_bps": 0.1 * BPS},
                {"kind": "inelastic", "rate_bps": 1.2 * BPS},
                {"weight": 3.0},
                {"weight": 0.5, "cap_bps": 0.5 * BPS},
            ]
        )
    )
    periods = draw(
        st.sampled_from(
            [
                {},
                {"start_s": 1.0, "stop_s": 5.0},
                {"on_s": 0.5, "off_s": 0.5},
                {"on_s": 2.0, "off_s": 0.5, "durations": "fixed"},
            ]
        )
    )
    return {**group, **kind, **periods}


@st.composite
def scenarios_with_faults(draw: st.DrawFn) -> Scenario:
    """Draw a cluster, migrations, and faults aimed at them."""
    topology = draw(st.sampled_from(sorted(TOPOLOGIES)))
    count = draw(st.integers(1, 5))
    vms = [
        {
            "count": 1,
            "cpu_capacity": 1,
            "memory_bytes": draw(st.sampled_from([64, 300, 1000, 2000])) * PAGE,
            "profile": draw(st.sampled_from(PROFILES)),
            "host": draw(st.integers(0, HOSTS - 1)),
            "migratable": draw(st.sampled_from([True, True, True, False])),
        }
        for _ in range(count)
    ]
    kept_apart = draw(st.booleans())
    for host in {vm["host"] for vm in vms} if kept_apart else ():
        next(vm for vm in vms if vm["host"] == host)["anti_affinity"] = "one per host"
    requests = [
        {
            "vm": vm,
            "target": (vms[vm]["host"] + draw(st.integers(1, HOSTS - 1))) % HOSTS,
            "at_s": draw(st.sampled_from([0.0, 0.25, 1.0])),
            "cancel_at_s": draw(st.sampled_from([None, None, None, 1.5, 2.125, 3.0])),
        }
        for vm in range(count)
    ]
    triggers = draw(
        st.sampled_from(
            [
                (),
                (),
                ({"name": "drain", "hosts": [0], "at_s": 1.0},),
                ("load-balance",),
                ({"name": "load-balance", "resource": "memory", "wake": True, "spread": 0.05},),
                (
                    {"name": "load-balance", "wake": True},
                    {"name": "drain", "hosts": [1], "at_s": 1.0},
                    {"name": "drain", "hosts": [2], "at_s": 2.0},
                ),
            ]
        )
    )
    faults = draw(st.lists(one_fault(topology), min_size=1, max_size=4))
    room = draw(st.sampled_from([2**40, 2**40, 4500 * PAGE]))
    return scenario(
        topology=TOPOLOGIES[topology],
        hosts=HOSTS,
        vms=vms,
        migrations=requests,
        strategy=draw(st.sampled_from(STRATEGIES)),
        stop=draw(st.sampled_from(["xen-legacy", "qemu:deadline_s=2", "fixed-rounds:rounds=3"])),
        faults=faults,
        high_availability={
            "restart": draw(st.sampled_from([True, True, True, False])),
            "restart_delay_s": draw(st.sampled_from([0.0, 0.5, 2.0])),
            "retry_s": 0.7,
            "migration_retries": draw(st.integers(0, 3)),
            "migration_retry_backoff_s": draw(st.sampled_from([0.0, 0.5])),
            "postcopy_recovery": draw(st.booleans()),
        },
        manager={
            "triggers": triggers,
            "max_per_cluster": draw(st.sampled_from([None, 1, 2])),
            "interleave": draw(st.sampled_from([False, False, True])),
            "order": draw(st.sampled_from(["fifo", "smallest-first", "disjoint-bottlenecks"])),
            "max_inbound_per_host": draw(st.sampled_from([None, 1])),
            "max_outbound_per_host": draw(st.sampled_from([None, None, 1])),
            **draw(st.sampled_from([{}, {"preparing": {}}, {"preparing": {"max_per_cluster": 1}}])),
        },
        transfer={
            "policy": draw(st.sampled_from(POLICIES)),
            "encoders": draw(st.sampled_from(ENCODERS)),
            "channels": draw(st.integers(1, 3)),
            "channel_bandwidth_bps": draw(st.sampled_from([None, None, 0.5 * BPS])),
            "bandwidth_bps": draw(st.sampled_from([None, None, 0.6 * BPS])),
            "lift_cap_when_stopped": draw(st.booleans()),
            "prepare_s": draw(st.sampled_from([0.0, 0.5])),
            "finish_s": draw(st.sampled_from([0.0, 0.5])),
            "suspend_s": draw(st.sampled_from([0.0, 0.1])),
            "resume_s": draw(st.sampled_from([0.0, 0.1])),
            "device_state_bytes": draw(st.sampled_from([0.0, 400_000.0])),
        },
        run={
            "duration_s": draw(st.sampled_from([6.0, 12.0])),
            "tick_s": 0.5,
            "control_interval_s": 1.0,
            "stop_when_idle": draw(st.booleans()),
        },
        costs={
            "source_cpu": draw(st.sampled_from([0.0, 0.5])),
            "target_cpu": draw(st.sampled_from([0.0, 0.3])),
            "tracking_slowdown": draw(st.sampled_from([0.0, 0.2])),
        },
        background=draw(st.sampled_from([0, 0, 1, 2]).flatmap(groups)),
        migration_topology=draw(st.sampled_from(MIGRATION_NETWORKS)),
    ).with_fields(
        {
            "hosts": [
                {
                    "count": HOSTS,
                    "cpu_capacity": draw(st.sampled_from([2, AMPLE_CPU])),
                    "memory_bytes": max(room, need(vms)),
                    "boot_s": draw(st.sampled_from([0.0, 0.0, 0.5, 1.25])),
                    "shutdown_s": draw(st.sampled_from([0.0, 0.0, 0.75, 2.0])),
                }
            ]
        }
    )


def groups(count: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return so many groups of background flows."""
    return st.lists(background_groups(), min_size=count, max_size=count)


def need(vms: list[dict[str, Any]]) -> int:
    """Return the memory a host needs for what is on it at the start."""
    return max(sum(vm["memory_bytes"] for vm in vms if vm["host"] == h) for h in range(HOSTS))
