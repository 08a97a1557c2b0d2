"""Migrations of VMs that never write share links exactly as plain fluid transfers do.

Every case of measured completion times is run through the whole path of a migration: scenario,
request, queue, page engine, rounds, stop-and-copy. Only the routes are put in by hand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.model import ClusterModel
from cluster_emu.network import completion_times
from cluster_emu.network.routing import Router
from cluster_emu.scenario import scenario_from

DATA = Path(__file__).parents[1] / "data"
CASES = [
    case
    for name in ("sharing_cases.json", "sharing_cases_starts_caps.json")
    for case in json.loads((DATA / name).read_text("utf-8"))["cases"]
]
MOST_PAGES = 500


@dataclass(frozen=True)
class Flows:
    """Flows over links: what a case gives, in bytes and seconds."""

    capacities: Sequence[float]
    routes: Sequence[Sequence[int]]
    sizes: Sequence[int]
    starts: Sequence[float]
    caps: Sequence[float | None]

    @classmethod
    def of(cls, case: dict[str, Any]) -> Flows:
        count = len(case["flows"])
        starts, caps = case.get("starts") or [0.0] * count, case.get("rates") or [None] * count
        return cls(case["caps"], case["flows"], case["sizes"], starts, caps)


class GivenRoutes(Router):
    """Routes the n-th migration as the n-th flow goes; migration n is not always flow n."""

    def __init__(self, flows: Flows, links: Any) -> None:
        super().__init__(links)
        by_start = np.argsort(flows.starts, kind="stable")
        self._given = [tuple(flows.routes[flow]) for flow in by_start]

    def route(self, source: int, target: int, flow_key: int = 0) -> tuple[int, ...]:
        return self._given[flow_key]


def largest_divisor(size: int) -> int:
    """Return into how many equal pages a VM of that size is cut, at most MOST_PAGES."""
    return max(pages for pages in range(1, MOST_PAGES + 1) if size % pages == 0)


def model_of(flows: Flows, *, strategy: str, pages: int | None = None) -> ClusterModel:
    """Return a model with one VM and one request per flow, and links as in the case.

    A star with enough hosts has enough links; they get the case's capacities.
    """
    hosts = max(2, (len(flows.capacities) + 1) // 2)
    model = ClusterModel(
        scenario_from(
            {
                "name": "flows",
                "run": {"duration_s": 1e9, "tick_s": 1e9, "control_interval_s": 1e9},
                "topology": {"name": "star", "hosts": hosts, "host_bps": 8.0},
                "hosts": [{"count": hosts, "cpu_capacity": 1e6, "memory_bytes": 2**60}],
                "vms": [
                    {
                        "count": 1,
                        "cpu_capacity": 1,
                        "memory_bytes": size,
                        "page_bytes": size // (pages or largest_divisor(size)),
                        "profile": {"name": "uniform", "writes_per_page_s": 0.0},
                        "host": 0,
                    }
                    for size in flows.sizes
                ],
                "transfer": {"strategy": strategy, "page_header_bytes": 0.0},
                "migrations": [
                    {"vm": vm, "target": 1, "at_s": at_s} for vm, at_s in enumerate(flows.starts)
                ],
            }
        ),
        rng=1,
    )
    for link in range(2 * hosts):
        given = link < len(flows.capacities)
        model.loop.set_capacity(link, flows.capacities[link] if given else 1.0)
    factory = model.manager.scheduler._factory
    factory.router = GivenRoutes(flows, model.links)
    _cap_each(model, flows.caps)
    return model


def _cap_each(model: ClusterModel, caps: Sequence[float | None]) -> None:
    """Let each migration have its own cap: the factory's settings are those of the VM asked for."""
    factory, migrate = model.manager.scheduler._factory, model.manager.migrate
    usual = factory.settings

    def migrate_capped(vm: int, target: int, now_s: float) -> Any:
        cap = caps[vm]
        factory.settings = (
            usual if cap is None else replace(usual, bandwidth_bytes_per_s=float(cap))
        )
        return migrate(vm, target, now_s)

    model.manager.migrate = migrate_capped  # type: ignore[method-assign]


def migrated(flows: Flows, *, strategy: str = "pre-copy", pages: int | None = None) -> pd.DataFrame:
    """Return the migrations by VM, which is by flow."""
    model = model_of(flows, strategy=strategy, pages=pages)
    table = model.run().migrations.sort_values("vm")
    assert (table["outcome"] == "completed").all()
    assert model.loop.peak_share().max(initial=0.0) <= 1 + 1e-9
    return table


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['topo']}")
@pytest.mark.parametrize("strategy", ["pre-copy", "stop-and-copy"])
def test_completion_times_equal_the_measured_ones(case: dict[str, Any], strategy: str) -> None:
    flows = Flows.of(case)
    table = migrated(flows, strategy=strategy)
    np.testing.assert_allclose(table["end_s"], case["t"], rtol=1e-9)
    np.testing.assert_allclose(table["bytes"], flows.sizes, rtol=1e-12)


@st.composite
def random_flows(draw: st.DrawFn) -> Flows:
    """Draw up to ten flows over up to four links; a few cross none and have a cap instead."""
    links = draw(st.integers(1, 4))
    count = draw(st.integers(1, 10))
    route = st.lists(st.integers(0, links - 1), max_size=links, unique=True)
    routes = draw(st.lists(route, min_size=count, max_size=count))
    cap = st.sampled_from([None, 100.0, 250.0, 1_000.0])
    caps = draw(st.lists(cap, min_size=count, max_size=count))
    return Flows(
        capacities=draw(
            st.lists(st.sampled_from([300.0, 1_000.0, 1_234.5]), min_size=links, max_size=links)
        ),
        routes=routes,
        sizes=draw(st.lists(st.integers(1, 5_000), min_size=count, max_size=count)),
        starts=draw(st.lists(st.sampled_from([0.0, 0.7, 1.0]), min_size=count, max_size=count)),
        caps=caps,
    )


@settings(deadline=None, max_examples=40)
@given(random_flows(), st.sampled_from(["pre-copy", "stop-and-copy", "post-copy"]), st.booleans())
def test_migrations_are_fluid_transfers(flows: Flows, strategy: str, one_page: bool) -> None:
    table = migrated(flows, strategy=strategy, pages=1 if one_page else None)
    expected = completion_times(
        flows.capacities, flows.routes, flows.sizes, starts=flows.starts, caps=flows.caps
    )
    np.testing.assert_allclose(table["end_s"], expected, rtol=1e-9)
