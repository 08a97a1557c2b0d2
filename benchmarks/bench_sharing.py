"""How long sharing takes: the solver alone, and whole sets of transfers.

    pytest benchmarks/bench_sharing.py

`sharing_beside_simgrid.py` compares whole sets of transfers with another simulator.

Flows run between random pairs of hosts of a fat-tree with 10 Gbit/s links; their sizes are random,
so that the rates are solved again at nearly every completion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster_emu.network import (
    FluidLoop,
    LinkTable,
    PlainTransfers,
    Router,
    completion_times,
    max_min_rates,
)
from cluster_emu.network.topologies import FatTree


@dataclass(frozen=True)
class Problem:
    """Flows on a network."""

    capacities: NDArray[np.float64]
    routes: list[tuple[int, ...]]
    sizes: NDArray[np.float64]


def random_problem(k: int, flows: int) -> Problem:
    rng = np.random.default_rng(1)
    links = LinkTable.of(FatTree(k=k, link_bps=10e9).build())
    router = Router(links)
    pairs = [rng.choice(links.host_count, size=2, replace=False).tolist() for _ in range(flows)]
    routes = [router.route(a, b, key) for key, (a, b) in enumerate(pairs)]
    return Problem(links.capacity_bytes_per_s, routes, rng.uniform(1e9, 64e9, flows))


@pytest.mark.parametrize("flows", [500, 5_000, 20_000])
def test_solver_on_fat_tree_16(benchmark, flows):
    problem = random_problem(16, flows)
    rates = benchmark(max_min_rates, problem.capacities, problem.routes)
    assert (rates > 0).all()


@pytest.mark.parametrize("flows", [1_000, 5_000])
def test_completion_times_on_fat_tree_8(benchmark, flows):
    problem = random_problem(8, flows)
    times = benchmark.pedantic(
        completion_times,
        (problem.capacities, problem.routes, problem.sizes),
        rounds=2,
        warmup_rounds=1,
    )
    assert np.isfinite(times).all()


@pytest.mark.parametrize("flows", [1_000, 10_000])
def test_one_flow_leaves_and_another_joins_on_fat_tree_16(benchmark, flows):
    problem = random_problem(16, flows)
    loop = FluidLoop(problem.capacities)
    transfers = PlainTransfers([math.inf] * flows)
    added = [
        loop.add(transfers, route, member=number) for number, route in enumerate(problem.routes)
    ]
    loop.run_until(0.0)
    numbers = iter(range(10**9))

    def replace_one() -> None:
        number = next(numbers) % flows
        loop.remove(added[number])
        added[number] = loop.add(transfers, problem.routes[number], member=number)
        loop.run_until(loop.now_s)

    benchmark(replace_one)
    assert len(loop) == flows


def test_10000_routes_on_fat_tree_16(benchmark):
    links = LinkTable.of(FatTree(k=16, link_bps=10e9).build())
    pairs = np.random.default_rng(1).integers(0, links.host_count, (10_000, 2)).tolist()

    def route_all() -> int:
        router = Router(links)
        return sum(len(router.route(a, b, key)) for key, (a, b) in enumerate(pairs))

    assert benchmark.pedantic(route_all, rounds=3) > 0
