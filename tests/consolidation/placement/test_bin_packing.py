"""First fit, best fit, dot product and network-aware placement, by hand and by property."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.consolidation import MigrationNetwork, Move, Placement, Plan, Priority, placements
from cluster_emu.consolidation.placement import (
    BestFit,
    DotProductPlacement,
    FilterScheduler,
    FirstFit,
    MostFree,
    NetworkAware,
)
from cluster_emu.consolidation.placement.filters import (
    CPUAllocationRatio,
    FitsMemory,
    MemoryAllocationRatio,
)
from cluster_emu.consolidation.placement.scorers import (
    DotProduct,
    LeastAllocatedCPU,
    LeastFreeCPU,
    LeastSharedBottleneck,
    LowestNumber,
    MostFreeCPU,
)
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.errors import ScenarioError
from cluster_emu.network import LinkTable, Router
from cluster_emu.network.topologies import LeafSpine, Star
from tests._support.no_draws import NO_DRAWS
from tests.consolidation.conftest import VM, cluster_state, linear_watts

GIB = 2**30
SEEDS = st.integers(0, 2**32 - 1)
BUILT_IN = [name for name in placements.names() if name != "network-aware"]


def chosen(placement: Placement, plan: Plan, vm: int = 0) -> int:
    return placement.choose(plan, vm, may_receive(plan, vm), NO_DRAWS)


@pytest.fixture
def plan(make_state, vm, plan_of):
    """Return a VM (1 CPU, 2 GiB) on host 0, hosts half full, empty, nearly full, and one asleep."""
    vms = [vm(0, 1.0, 2), vm(1, 5.0, 4), vm(3, 8.0, 12), vm(0, 9.0, 1)]
    return plan_of(make_state([10] * 5, [16] * 5, vms, off=[4]))


def test_first_fit_takes_the_lowest_number_that_is_on(plan):
    assert chosen(FirstFit(), plan) == 1
    assert FirstFit().best_host(plan, 0, np.arange(5) > 1) == 2
    assert FirstFit().best_host(plan, 0, np.arange(5) > 3) == 4
    assert FirstFit(wake=False).best_host(plan, 0, np.arange(5) > 3) == -1


def test_best_fit_leaves_the_least_free_cpu_and_worst_fit_the_most(plan):
    # with the VM: .6, .1, .9
    assert LeastFreeCPU().scores(plan, 0, np.array([1, 2, 3])) == pytest.approx([0.6, 0.1, 0.9])
    assert chosen(BestFit(), plan) == 3
    assert chosen(MostFree(), plan) == 2
    assert chosen(BestFit(wake=False), plan, 0) == 3


def test_the_dot_product_by_hand(plan):
    # Need: .1 of the CPU, 1/8 of the memory. Free: (.5, 3/4), (1, 1), (.2, 1/4).
    expected = [0.1 * 0.5 + 0.75 / 8, 0.1 + 1 / 8, 0.1 * 0.2 + 0.25 / 8]
    assert DotProduct().scores(plan, 0, np.array([1, 2, 3])) == pytest.approx(expected)
    assert chosen(DotProductPlacement(), plan) == 2


def test_vms_that_complement_each_other_meet(make_state, vm, plan_of):
    # Host 1 has CPU left (.8, .1 of the memory too little), host 2 memory: a VM that needs CPU goes
    # to host 1, one that needs memory to host 2.
    vms = [vm(0, 2.0, 1), vm(0, 0.1, 6), vm(1, 2.0, 10), vm(2, 8.0, 2)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    assert chosen(DotProductPlacement(), plan, 0) == 1
    assert chosen(DotProductPlacement(), plan, 1) == 2


def test_the_dot_product_orders_by_the_sum_of_shares(make_state, vm, plan_of):
    # Of 20 CPU and 32 GiB: .1 + 1/32, .05 + 8/32, .15 + 2/32
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 2.0, 1), vm(0, 1.0, 8), vm(1, 3.0, 2)]))
    assert DotProductPlacement().order(plan, np.arange(3)).tolist() == [1, 2, 0]
    assert FirstFit().order(plan, np.arange(3)).tolist() == [2, 0, 1]
    assert FilterScheduler(largest="cpu-and-memory").order(plan, np.arange(3)).tolist() == [1, 2, 0]


@given(seed=SEEDS)
def test_named_placements_are_their_plain_definitions(make_random, plan_of, seed: int) -> None:
    plan = plan_of(make_random(seed))
    for vm in np.flatnonzero(plan.movable).tolist():
        allowed = may_receive(plan, vm)
        awake = np.flatnonzero(allowed & plan.on)
        hosts = awake if len(awake) else np.flatnonzero(allowed)
        if len(hosts) == 0:
            assert {chosen(placements.create(name), plan, vm) for name in BUILT_IN} == {-1}
            continue
        assert chosen(FirstFit(), plan, vm) == hosts[0]
        used = plan.utilisation_with(vm)[hosts]
        assert used.max() - plan.utilisation_with(vm)[chosen(BestFit(), plan, vm)] <= 1e-9
        assert chosen(FilterScheduler(scorers=(LowestNumber(),)), plan, vm) == hosts[0]
        worst_of_negated = np.argmax(-MostFreeCPU().scores(plan, vm, hosts))
        assert chosen(BestFit(), plan, vm) <= hosts[worst_of_negated]


@given(seed=SEEDS)
def test_packing_uses_no_more_hosts_than_the_proven_bounds(seed: int) -> None:
    """First and best fit decreasing need at most 11/9 OPT + 6/9 bins (Dosa 2007)."""
    rng = np.random.default_rng(seed)
    # Fifteen full bins of five whole pieces of 30: the optimum is 15.
    cuts = np.sort(np.array([rng.choice(29, 4, replace=False) + 1 for _ in range(15)]), axis=1)
    edges = np.column_stack([np.zeros(15, int), cuts, np.full(15, 30)])
    pieces = rng.permutation(np.diff(edges, axis=1).ravel()).tolist()
    for placement in (FirstFit(), BestFit()):
        # The VMs come from host 0, which is large enough, to empty hosts of 30.
        vms = [VM(0, float(piece)) for piece in pieces]
        state = cluster_state([999.0] + [30.0] * 40, [999] + [30] * 40, vms)
        plan = Plan.of(state, linear_watts)
        for vm in placement.order(plan, np.arange(len(pieces))).tolist():
            fits = plan.utilisation_with(vm) <= 1.0 + 1e-9
            target = placement.choose(plan, vm, may_receive(plan, vm) & fits, NO_DRAWS)
            plan.apply(Move(vm, 0, target, "test", Priority.REBALANCE))
        assert 15 <= (plan.vm_count[1:] > 0).sum() <= 11 / 9 * 15 + 6 / 9


# --- the network ----------------------------------------------------------------------------------


def on_network(network: MigrationNetwork, hosts: int, vms: Sequence[VM]) -> Plan:
    state = cluster_state([10.0] * hosts, [64] * hosts, vms)
    return Plan.of(state, linear_watts, network=network)


@pytest.fixture(scope="module")
def leaf_spine() -> MigrationNetwork:
    """Return four hosts under two leaves with one spine, 10 and 5 Gbit/s."""
    graph = LeafSpine(leaves=2, hosts_per_leaf=2, spines=1, host_bps=1e10, uplink_bps=5e9).build()
    links = LinkTable.of(graph)
    return MigrationNetwork(links, Router(links))


def test_the_fewest_migrations_on_the_bottleneck_decide(leaf_spine):
    # A VM moves from leaf 0 to leaf 1: there the link of the spine is the bottleneck, and shared by
    # one. To host 1, in its own leaf, the uplink of host 0 is shared by the same one.
    vms = [VM(0, 1.0), VM(0, 1.0, target=2), VM(1, 1.0), VM(1, 1.0, target=0)]
    plan = on_network(leaf_spine, 4, vms)
    scores = LeastSharedBottleneck().scores(plan, 0, np.array([1, 2, 3]))
    assert scores.tolist() == [-1.0, -1.0, -1.0]
    assert LeastSharedBottleneck().scores(plan, 2, np.array([0, 2, 3])).tolist() == [-1, -1, -1]
    plan.apply(Move(0, 0, 3, "test", Priority.REBALANCE))
    # Three migrations were planned: two cross the spine, one goes from host 1 to host 0.
    assert LeastSharedBottleneck().scores(plan, 2, np.array([0, 2, 3])).tolist() == [-1, -2, -2]


def test_network_aware_spreads_moves_over_links_and_then_looks_at_power():
    links = LinkTable.of(Star(hosts=5, host_bps=1e10).build())
    network = MigrationNetwork(links, Router(links))
    # Hosts 1 and 2 expect VMs from host 4, 3 none; alike for the network, power decides: all equal.
    vms = [VM(0, 1.0), VM(4, 1.0, target=1), VM(4, 1.0, target=1), VM(4, 1.0, target=2)]
    plan = on_network(network, 5, vms)
    assert LeastSharedBottleneck().scores(plan, 0, np.array([1, 2, 3])).tolist() == [-2, -1, 0]
    assert chosen(NetworkAware(), plan) == 3
    assert NetworkAware().best_host(plan, 0, np.array([False, True, True, False, False])) == 2


def test_with_little_weight_on_the_network_power_decides():
    links = LinkTable.of(Star(hosts=3, host_bps=1e10).build())
    network = MigrationNetwork(links, Router(links))
    state = cluster_state([10.0] * 3, [64] * 3, [VM(0, 1.0), VM(0, 1.0, target=1)])
    steep = np.array([1.0, 1.0, 5.0])
    plan = Plan.of(state, lambda u, hosts=slice(None): 100 + u * steep[hosts], network=network)
    # Both migrations leave host 0 over its one uplink; only host 1 has one on its downlink.
    plan_elsewhere = Plan.of(
        cluster_state([10.0] * 4, [64] * 4, [VM(0, 1.0), VM(3, 1.0, target=1)]),
        lambda u, hosts=slice(None): 100 + u * np.array([1.0, 1.0, 5.0, 1.0])[hosts],
        network=four_hosts(),
    )
    assert chosen(NetworkAware(), plan) == 1
    assert NetworkAware().best_host(plan_elsewhere, 0, np.array([False, True, True, False])) == 2
    cheap = NetworkAware(network_weight=0.5)
    assert cheap.best_host(plan_elsewhere, 0, np.array([False, True, True, False])) == 1


def test_only_the_hosts_of_the_shortlist_are_compared():
    # The rise of power is 1, 5, 5 W; host 3 alone has no migration on its link.
    vms = [VM(0, 1.0), VM(4, 1.0, target=1), VM(4, 1.0, target=2)]
    state = cluster_state([10.0] * 5, [64] * 5, vms, off=[4])
    links = LinkTable.of(Star(hosts=5, host_bps=1e10).build())
    watts = np.array([1.0, 10.0, 50.0, 50.0, 1.0])
    plan = Plan.of(
        state,
        lambda u, hosts=slice(None): 100 + u * watts[hosts],
        network=MigrationNetwork(links, Router(links)),
    )
    assert chosen(NetworkAware(), plan) == chosen(NetworkAware(shortlist=3), plan) == 3
    assert chosen(NetworkAware(shortlist=2), plan) == 1
    assert chosen(NetworkAware(shortlist=1), plan) == 1


def four_hosts() -> MigrationNetwork:
    links = LinkTable.of(Star(hosts=4, host_bps=1e10).build())
    return MigrationNetwork(links, Router(links))


@given(seed=SEEDS)
def test_the_bottlenecks_of_all_targets_are_those_of_each(leaf_spine, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sharing = rng.integers(0, 5, len(leaf_spine.links))
    source = int(rng.integers(4))
    targets = rng.permutation([host for host in range(4) if host != source])
    found = leaf_spine.bottlenecks(source, targets, sharing)
    for place, target in enumerate(targets.tolist()):
        route = np.array(leaf_spine.route(source, target))
        shares = leaf_spine.links.capacity_bytes_per_s[route] / (sharing[route] + 1)
        assert found.link[place] == route[np.argmin(shares)]
        assert found.bytes_per_s[place] == shares.min()
        assert found.sharing[place] == sharing[found.link[place]]


# --- overcommit -----------------------------------------------------------------------------------


def test_cpu_allocation_counts_what_vms_may_use_not_what_they_want(make_state, vm, plan_of):
    # Every VM may use 1 CPU. Hosts 0 and 1 have two, host 2 none; hosts 1 and 2 have one CPU.
    vms = [vm(0, 0.1), vm(0, 0.1), vm(1, 0.0), vm(1, 0.0)]
    plan = plan_of(make_state([2, 1, 1], [8] * 3, vms))
    assert CPUAllocationRatio(ratio=1.5).passes(plan, 0).tolist() == [True, False, True]
    assert CPUAllocationRatio(ratio=3).passes(plan, 0).tolist() == [True, True, True]
    assert CPUAllocationRatio(ratio=0.9).passes(plan, 0).tolist() == [False, False, False]
    assert LeastAllocatedCPU().scores(plan, 0, np.array([1, 2])).tolist() == [-3.0, -1.0]
    plan.apply(Move(0, 0, 2, "test", Priority.REBALANCE))
    assert CPUAllocationRatio(ratio=1.5).passes(plan, 1).tolist() == [True, False, False]


def test_a_memory_ratio_keeps_memory_free(make_state, vm, plan_of):
    vms = [vm(0, 1.0, 4), vm(1, 1.0, 8), vm(2, 1.0, 4, target=1)]
    plan = plan_of(make_state([8] * 3, [16] * 3, vms))
    # With the VM: 8, 16 and 8 of 16 GiB; the VM on its way counts at both of its hosts.
    assert MemoryAllocationRatio(ratio=0.5).passes(plan, 0).tolist() == [True, False, True]
    assert MemoryAllocationRatio(ratio=0.49).passes(plan, 0).tolist() == [False, False, False]
    everywhere = FitsMemory().passes(plan, 0).tolist()
    assert MemoryAllocationRatio(ratio=1.0).passes(plan, 0).tolist() == everywhere == [True] * 3


@pytest.mark.parametrize(
    ("parameters", "field", "allowed"),
    [
        ({"filters": [{"name": "memory-allocation-ratio", "ratio": 1.5}]}, "filters", "at most 1"),
        ({"filters": [{"name": "cpu-allocation-ratio", "ratio": 0}]}, "filters", "> 0"),
        ({"scorers": [{"name": "dot-product", "weight": -1}]}, "scorers", "> 0"),
    ],
)
def test_what_a_filter_or_scorer_cannot_use_is_named(parameters, field, allowed):
    with pytest.raises(ScenarioError) as error:
        placements.create("filter-scheduler", **parameters)
    assert error.value.field.partition(".")[0] == field
    assert allowed in error.value.allowed
