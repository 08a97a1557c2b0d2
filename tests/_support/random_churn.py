"""Random small clusters in which VMs come, are resized and go while hosts fail and VMs migrate."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cluster_emu.scenario import Scenario
from tests._support.random_faults import HOSTS, PROFILES, TIMES, scenarios_with_faults
from tests._support.small_scenarios import PAGE

PLACEMENTS = [
    "most-free",
    "first-fit",
    "best-fit",
    "power-aware-best-fit-decreasing",
    "network-aware",
    {"name": "filter-scheduler", "filters": ["not-overloaded"]},
    {"name": "filter-scheduler", "filters": [{"name": "cpu-allocation-ratio", "ratio": 1.0}]},
]
LIFETIMES = [
    "exponential:mean_s=2",
    "log-normal:median_s=1,sigma=1.5",
    "fixed:lifetime_s=0.5",
    "fixed:lifetime_s=3",
    {"name": "empirical", "observed_s": [0.25, 1.0, 4.0], "between": "linear"},
]
PROCESSES = [
    "poisson:mean_interval_s=0.2",
    "poisson:mean_interval_s=1",
    "batch:size=4,first_s=0.5",
    "batch:size=2,first_s=0,every_s=1",
    "batch:size=1,first_s=99",
]


@st.composite
def flavours(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "weight": draw(st.sampled_from([1.0, 3.0])),
        "cpu_capacity": draw(st.sampled_from([0.5, 1, 2])),
        "memory_bytes": draw(st.sampled_from([64, 300, 1000, 2000])) * PAGE,
        "profile": draw(st.sampled_from(PROFILES)),
        "migratable": draw(st.sampled_from([True, True, False])),
        "anti_affinity": draw(st.sampled_from([None, None, "one per host", "another"])),
        "lifetime": draw(st.sampled_from([None, None, "fixed:lifetime_s=1"])),
    }


@st.composite
def resizes(draw: st.DrawFn, vm_count: int) -> dict[str, Any]:
    return {
        "at_s": draw(TIMES),
        "vm": draw(st.integers(0, vm_count - 1)),
        "cpu_capacity": draw(st.sampled_from([0.25, 1, 3])),
        "memory_bytes": draw(st.sampled_from([32, 500, 1500, 3000])) * PAGE,
    }


@st.composite
def scenarios_with_churn(draw: st.DrawFn) -> Scenario:
    """Draw a cluster with migrations and faults, and VMs that come and go."""
    scenario = draw(scenarios_with_faults())
    queue = draw(st.booleans())
    initial = draw(st.sampled_from([None, *LIFETIMES]))
    requests = [
        {"vm": vm, "target": draw(st.integers(0, HOSTS - 1)), "at_s": draw(TIMES)}
        for vm in range(scenario.vm_count, scenario.vm_count + draw(st.integers(0, 3)))
    ]
    process = draw(st.sampled_from(PROCESSES))
    few = "99" in process
    arrivals = {
        "process": process,
        "lifetime": draw(st.sampled_from(LIFETIMES)),
        "lifetime_from": draw(st.sampled_from(["start", "arrival"])),
        "initial_lifetime": initial,
        "flavours": draw(st.lists(flavours(), min_size=1, max_size=3)),
        "placement": draw(st.sampled_from(PLACEMENTS)),
        "queue": queue,
        "max_waiting": draw(st.sampled_from([None, None, 2])) if queue else None,
        "patience_s": draw(st.sampled_from([None, None, 0.5, 2.0])) if queue else None,
        "boot_s": draw(st.sampled_from([0.0, 0.0, 0.25, 1.0])),
        "resizes": draw(st.lists(resizes(scenario.vm_count), max_size=3)),
        "random_resizes": draw(st.sampled_from([None, None, {"mean_s": 1.0}])),
    }
    # requests for VMs that will not have come by then are refused with a note
    more = () if few or not process.startswith("batch") else tuple(requests[:2])
    return scenario.with_fields(
        {
            "arrivals": {key: value for key, value in arrivals.items() if value is not None},
            "migrations": [*(one.model_dump() for one in scenario.migrations), *more],
        }
    )
