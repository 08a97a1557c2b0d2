"""Scenarios small enough to run hundreds of, built in Python."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cluster_emu.scenario import Scenario, scenario_from
from cluster_emu.strategies import strategies
from cluster_emu.workload import load_profiles

PAGE = 4096
HEADER = 8.0
WIRE = PAGE + HEADER
"""Bytes of a page on the wire."""

BPS = 8 * WIRE * 1000
"""A link that carries 1,000 pages a second, in bit/s."""


def scenario(
    *,
    pages: int = 256,
    profile: Any = "idle",
    strategy: Any = "pre-copy",
    stop: Any = "xen-legacy",
    topology: Any = None,
    hosts: int = 2,
    vms: list[dict[str, Any]] | None = None,
    migrations: list[dict[str, Any]] | None = None,
    link_bps: float = BPS,
    run: dict[str, Any] | None = None,
    transfer: dict[str, Any] | None = None,
    demand: Any = None,
    **more: Any,
) -> Scenario:
    """Return a scenario; without further words one VM moves from host 0 to host 1."""
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": pages * PAGE, "profile": profile}
    return scenario_from(
        {
            "name": "small",
            "run": {
                "duration_s": 600.0,
                "stop_when_idle": True,
                "track_versions": True,
                **(run or {}),
            },
            "topology": topology or {"name": "star", "hosts": hosts, "host_bps": link_bps},
            "hosts": [{"count": hosts, "cpu_capacity": 8, "memory_bytes": 2**40}],
            "vms": vms or [{**vm, "host": 0}],
            "workload": {"demand": demand or {"name": "constant", "share": 1.0}},
            "transfer": _transfer({"strategy": strategy, "stop": stop, **(transfer or {})}),
            "migrations": migrations or [{"vm": 0, "target": 1}],
            **more,
        }
    )


def _transfer(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields without the stop rule where a policy decides in its place."""
    return {**fields, "stop": None} if fields.get("policy") else fields


STRATEGIES = st.sampled_from(
    [
        *strategies.names(),
        "history-majority:to_send=literal",
        "history-majority:history=2",
        "history-majority:first_round=full,peek_batch_pages=16",
        "time-series:sticky_last=true",
        "time-series:threshold=2,window=exclusive,to_send=literal",
        "xen-legacy:peek_batch_pages=1",
        "xen-legacy:first_round=full,peek_batch_pages=32",
        "qemu:clear_granularity=page",
        "qemu:chunk_pages=16",
        "matrix-bitmap:peeks=6,theta=3",
        "hybrid:live_rounds=3,pivots=3,preempt=false",
        "hybrid:ballooned_share=0.3",
        "post-copy:bubbling=false",
        "post-copy:ballooned_share=0.3",
    ]
)

ENCODERS = st.sampled_from(
    [
        [],
        [],
        ["zero-page"],
        [f"xbzrle:cache_bytes={64 * PAGE}"],
        ["compression:ratio=0.6,cpu_bytes_per_s=3e6"],
        ["zero-page:share=0.6", "xbzrle", "compression:cpu_bytes_per_s=2e6"],
    ]
)

STOPS = st.sampled_from(
    [
        "xen-legacy",
        "xen-v2",
        "clark",
        "no-progress",
        "fixed-rounds:rounds=1",
        "fixed-rounds:rounds=6",
        "qemu:deadline_s=3.7",
        "qemu:deadline_s=2.3,at_deadline=stop,downtime_limit_s=0.05",
        "deadline:deadline_s=1.9",
        "deadline:deadline_s=2.9,at_deadline=abort",
        "fixed-rounds:rounds=20,deadline_s=1.3",
    ]
)

PROFILES = st.sampled_from(
    [
        *sorted(load_profiles()),
        {"name": "samples", "probability": 0.3},
        {"name": "samples", "probability": 0.95},
        {"name": "uniform", "writes_per_page_s": 0.0},
        {"name": "uniform", "writes_per_page_s": 2.0},
        {
            "name": "inline",
            "classes": [
                {"share": 0.3, "writes_per_page_s": 6.0},
                {"share": 0.7, "writes_per_page_s": 0.1},
            ],
            "moving": {"share": 0.2, "writes_per_page_s": 3.0, "period_s": 0.7},
            "sweep": {"share": 0.5, "sweeps_per_s": 0.6},
            "burst": {"on_s": 0.5, "off_s": 0.8, "level_off": 0.1},
        },
    ]
)

TOPOLOGIES = st.sampled_from(
    [
        {"name": "star", "hosts": 4, "host_bps": BPS},
        {"name": "star", "hosts": 4, "host_bps": 3 * BPS, "latency_s": 0.001},
        {
            "name": "leaf-spine",
            "leaves": 2,
            "spines": 2,
            "hosts_per_leaf": 2,
            "host_bps": BPS,
            "oversubscription": 3.0,
            "latency_s": 0.0005,
        },
    ]
)


@st.composite
def random_scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a cluster of four hosts in which one to four VMs migrate, several at a time."""
    moving = draw(st.integers(1, 4))
    staying = draw(st.integers(0, 2))
    vms = [
        {
            "count": 1,
            "cpu_capacity": 1,
            "memory_bytes": draw(st.integers(64, 4096)) * PAGE - draw(st.sampled_from([0, 1])),
            "profile": draw(PROFILES),
            "host": draw(st.integers(0, 3)),
        }
        for _ in range(moving + staying)
    ]
    targets = [(vm["host"] + draw(st.integers(1, 3))) % 4 for vm in vms[:moving]]
    starts = [draw(st.sampled_from([0.0, 0.25, 1.0, 1.7])) for _ in range(moving)]
    return scenario(
        topology=draw(TOPOLOGIES),
        hosts=4,
        vms=vms,
        strategy=draw(STRATEGIES),
        stop=draw(STOPS),
        migrations=[
            {"vm": vm, "target": target, "at_s": at_s}
            for vm, (target, at_s) in enumerate(zip(targets, starts, strict=True))
        ],
        run={
            "duration_s": draw(st.sampled_from([4.0, 60.0])),
            "tick_s": 0.5,
            "control_interval_s": 0.5,
        },
        transfer={
            "device_state_bytes": draw(st.sampled_from([0.0, 10_000.0])),
            "suspend_s": draw(st.sampled_from([0.0, 0.01])),
            "resume_s": draw(st.sampled_from([0.0, 0.03])),
            "warm_intervals": draw(st.sampled_from([0, 3])),
            "page_header_bytes": draw(st.sampled_from([0.0, 8.0])),
            "encoders": draw(ENCODERS),
            "channels": draw(st.integers(1, 3)),
            "channel_bandwidth_bps": draw(st.sampled_from([None, 0.5 * BPS])),
            "bandwidth_bps": draw(st.sampled_from([None, 0.6 * BPS])),
            "lift_cap_when_stopped": draw(st.booleans()),
        },
        demand=draw(
            st.sampled_from(
                [
                    {"name": "constant", "share": 1.0},
                    {
                        "name": "diurnal",
                        "mean": 0.5,
                        "amplitude": 0.5,
                        "period_s": 3.0,
                        "jitter_s": 1.0,
                        "step_s": 0.31,
                    },
                ]
            )
        ),
        manager={
            "max_per_cluster": draw(st.sampled_from([None, 1, 2])),
            "max_outbound_per_host": draw(st.sampled_from([None, 1])),
            "max_inbound_per_host": draw(st.sampled_from([None, 1])),
        },
        placement="spread",
    )
