"""Which VM leaves first, by hand and against other formulas."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation import MigrationNetwork, Plan, vm_selections
from cluster_emu.consolidation.migration_cost import expected_cost
from cluster_emu.consolidation.selection import (
    LeastCost,
    MaximumCorrelation,
    MinimumMigrationTime,
    MinimumUtilisation,
    RandomSelection,
)
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.network import LinkTable, Router
from cluster_emu.network.topologies import Star
from tests._support.histories import plan_after
from tests._support.no_draws import NO_DRAWS
from tests.consolidation.conftest import VM, cluster_state, linear_watts

GIB = 2**30
LINKS = LinkTable.of(Star(hosts=4, host_bps=8.0 * GIB).build())
NETWORK = MigrationNetwork(LINKS, Router(LINKS))


@pytest.mark.parametrize("name", vm_selections.names())
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_every_movable_vm_of_the_host_is_ranked_once(make_random, name: str, seed: int) -> None:
    state = make_random(seed)
    loads = np.random.default_rng(seed).random((8, state.vm_count)).round(1)
    links = LinkTable.of(Star(hosts=state.host_count, host_bps=1e9).build())
    network = MigrationNetwork(links, Router(links))
    plan = plan_after(state, loads, linear_watts, network=network)
    selection = vm_selections.create(name)
    for host in range(state.host_count):
        ranked = selection.rank(plan, host, np.random.default_rng(seed))
        assert sorted(ranked.tolist()) == plan.movable_on(host).tolist()


# --- MU and RS ------------------------------------------------------------------------------------


def test_minimum_utilisation_counts_the_share_of_the_vms_own_cpu(make_state, vm, plan_of):
    # Every VM of a made-up cluster has a CPU of 1, so its demand is its share.
    vms = [vm(0, 0.5), vm(0, 0.2), vm(0, 0.9), vm(0, 0.2), vm(0, 0.1, queued=True)]
    plan = plan_of(make_state([8, 8], [32, 32], [*vms, vm(1, 0.0)]))
    assert MinimumUtilisation().rank(plan, 0, NO_DRAWS).tolist() == [1, 3, 0, 2]


def test_every_random_order_is_equally_likely(make_state, vm, plan_of):
    # 24 orders, 2,400 draws: chi-squared, false alarm 1 in 10,000; the seed is fixed.
    plan = plan_of(make_state([8], [32], [vm(0, 0.1) for _ in range(4)]))
    rng = np.random.default_rng(7)
    drawn = Counter(tuple(RandomSelection().rank(plan, 0, rng).tolist()) for _ in range(2400))
    assert len(drawn) == 24
    assert stats.chisquare(list(drawn.values())).pvalue > 1e-4


def test_a_random_order_is_that_of_its_seed(make_state, vm, plan_of):
    plan = plan_of(make_state([8], [64], [vm(0, 0.1) for _ in range(20)]))
    first, again, other = (
        RandomSelection().rank(plan, 0, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


# --- MC -------------------------------------------------------------------------------------------


def of_one_host(loads: np.ndarray, memory: list[int] | None = None, pinned: tuple = ()) -> Plan:
    """Return a host whose VMs have these histories, [instants, vms], and memory in GiB.

    Without `memory`, a VM with a lower number is moved sooner.
    """
    sizes = memory or list(range(1, loads.shape[1] + 1))
    vms = [VM(0, 0.0, size, migratable=n not in pinned) for n, size in enumerate(sizes)]
    return plan_after(cluster_state([99.0], [999], vms), loads, linear_watts)


def r_squared(loads: np.ndarray, vm: int) -> float:
    """Return R^2 of a VM's history on the others' by least squares with an intercept."""
    others = np.delete(loads, vm, axis=1)
    design = np.column_stack([np.ones(len(loads)), others])
    fitted = design @ np.linalg.lstsq(design, loads[:, vm], rcond=None)[0]
    from_mean = loads[:, vm] - loads[:, vm].mean()
    return float(1 - ((loads[:, vm] - fitted) ** 2).sum() / (from_mean**2).sum())


def one_after_the_other(loads: np.ndarray) -> list[int]:
    """Return the order in which the VM with the largest R^2 is taken until one is left."""
    left = list(range(loads.shape[1]))
    order = []
    while len(left) > 1:
        values = [r_squared(loads[:, left], place) for place in range(len(left))]
        best = next(n for n, value in enumerate(values) if value >= max(values) - 1e-9)
        order.append(left.pop(best))
    return order + left


def test_the_vm_that_the_others_explain_best_goes_first():
    # VM 0 is the sum of the independent VMs 2 and 3 with little noise, VM 1 is independent of all.
    rng = np.random.default_rng(3)
    one, two, three, noise = rng.random((4, 30))
    loads = np.column_stack([(two + three) / 4 + noise / 100, one / 2, two / 2, three / 2])
    ranked = MaximumCorrelation().rank(of_one_host(loads), 0, NO_DRAWS)
    assert ranked[0] == np.argmax([r_squared(loads, vm) for vm in range(4)])
    assert ranked.tolist() == one_after_the_other(loads)


def test_the_coefficient_of_two_vms_is_that_of_pearson_and_time_decides_ties():
    loads = np.array([[0.1, 0.3], [0.2, 0.2], [0.4, 0.9], [0.3, 0.5]])
    assert r_squared(loads, 0) == pytest.approx(stats.pearsonr(*loads.T).statistic ** 2)
    assert MaximumCorrelation().rank(of_one_host(loads, [2, 1]), 0, NO_DRAWS).tolist() == [1, 0]
    assert MaximumCorrelation().rank(of_one_host(loads, [1, 2]), 0, NO_DRAWS).tolist() == [0, 1]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), vms=st.integers(2, 8), instants=st.integers(9, 40))
def test_the_order_is_that_of_one_regression_after_the_other(
    seed: int, vms: int, instants: int
) -> None:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((vms, vms)) / vms
    loads = np.clip(0.5 + 0.1 * rng.standard_normal((instants, vms)) @ mixing, 0.01, 0.99)
    ranked = MaximumCorrelation(window=instants).rank(of_one_host(loads), 0, NO_DRAWS)
    assert ranked.tolist() == one_after_the_other(loads)


def test_a_vm_that_may_not_move_still_explains_the_others():
    rng = np.random.default_rng(5)
    pinned, free, noise = rng.random((3, 30))
    loads = np.column_stack([pinned, free, 0.9 * pinned + 0.01 * noise])
    ranked = MaximumCorrelation().rank(of_one_host(loads, [1, 1, 9], (0,)), 0, NO_DRAWS)
    assert ranked.tolist() == [2, 1]


def test_a_steady_vm_is_correlated_with_none_and_goes_last():
    rng = np.random.default_rng(6)
    loads = np.column_stack([np.full(30, 0.4), rng.random(30), np.full(30, 0.2), rng.random(30)])
    ranked = MaximumCorrelation().rank(of_one_host(loads, [1, 4, 2, 8]), 0, NO_DRAWS).tolist()
    assert ranked[0] == 1  # two alone are tied; then no VM is correlated with another
    assert ranked[1:] == [0, 2, 3]


@pytest.mark.parametrize("instants", [0, 1, 5])
def test_with_too_few_instants_the_migration_time_decides(instants: int):
    loads = np.random.default_rng(1).random((instants, 5))
    plan = of_one_host(loads.reshape(instants, 5), [5, 1, 4, 2, 3])
    by_time = MinimumMigrationTime().rank(plan, 0, NO_DRAWS).tolist()
    assert MaximumCorrelation().rank(plan, 0, NO_DRAWS).tolist()[0] == by_time[0] == 1


def test_once_there_are_more_instants_than_vms_left_correlation_decides():
    loads = np.random.default_rng(2).random((5, 6))
    order = MaximumCorrelation().rank(of_one_host(loads, [1, 2, 3, 4, 5, 6]), 0, NO_DRAWS).tolist()
    assert order[:2] == [0, 1]  # 6 and 5 VMs at 5 instants
    assert order[2:] == [2 + place for place in one_after_the_other(loads[:, 2:])]


def test_where_histories_depend_on_each_other_the_migration_time_decides():
    rng = np.random.default_rng(4)
    one, two, three = rng.random((3, 30)) / 2
    loads = np.column_stack([one, two, one + two, three])
    order = MaximumCorrelation().rank(of_one_host(loads, [4, 3, 2, 1]), 0, NO_DRAWS).tolist()
    # First VM 3, then VM 2 by time; without VM 2 the rest are independent, 0 and 1 are tied.
    assert order == [3, 2, 1, 0]


def test_only_the_window_is_read():
    loads = np.random.default_rng(8).random((40, 4))
    ranked = MaximumCorrelation(window=10).rank(of_one_host(loads), 0, NO_DRAWS)
    assert ranked.tolist() == one_after_the_other(loads[-10:])
    assert MaximumCorrelation(window=10).history_length == 10


# --- least cost -----------------------------------------------------------------------------------


def writing(state: ClusterState, bytes_per_s: list[float]) -> ClusterState:
    """Let each VM write so many new pages per second."""
    rates = np.array(bytes_per_s) / 4096
    state.set_intensity(np.arange(state.vm_count), np.ones(state.vm_count), rates)
    return state


def test_relief_per_byte_counts_what_is_sent_again():
    # At 1 GiB/s and 1 GiB: half a GiB/s of writes sends nearly 2 GiB, none exactly 1 GiB. VM 0
    # gives .3 per GiB, VM 1 .5 / 2 = .25, VM 2 of 2 GiB .7 / 2 = .35.
    vms = [VM(0, 0.3, 1), VM(0, 0.5, 1), VM(0, 0.7, 2)]
    state = writing(cluster_state([1.0], [8], vms), [0.0, GIB / 2, 0.0])
    plan = Plan.of(state, linear_watts)
    selection = LeastCost(bandwidth_bps=8.0 * GIB)
    assert selection.rank(plan, 0, NO_DRAWS).tolist() == [2, 0, 1]
    # Ten times the rate sends 1 / .95 GiB of VM 1, so it comes first.
    assert LeastCost(bandwidth_bps=80.0 * GIB).rank(plan, 0, NO_DRAWS).tolist() == [1, 2, 0]
    # MMT sees the memory alone.
    assert MinimumMigrationTime().rank(plan, 0, NO_DRAWS).tolist() == [1, 0, 2]


def test_the_rate_is_that_of_the_hosts_own_link():
    vms = [VM(3, 0.3, 1), VM(3, 0.5, 1), VM(3, 0.7, 2)]
    state = writing(cluster_state([1.0] * 4, [8] * 4, vms), [0.0, GIB / 2, 0.0])
    by_link = LeastCost().rank(Plan.of(state, linear_watts, network=NETWORK), 3, NO_DRAWS)
    assert by_link.tolist() == [2, 0, 1]
    with pytest.raises(ClusterEmuError, match="without its network"):
        LeastCost().rank(Plan.of(state, linear_watts), 3, NO_DRAWS)


@given(seed=st.integers(0, 2**32 - 1))
def test_no_order_relieves_more_per_byte_at_any_place(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vms = [VM(0, float(rng.random()), int(rng.integers(1, 5))) for _ in range(8)]
    state = writing(cluster_state([9.0], [99], vms), (rng.random(8) * GIB).tolist())
    order = LeastCost(bandwidth_bps=8.0 * GIB).rank(Plan.of(state, linear_watts), 0, NO_DRAWS)
    sent = expected_cost(state.vms, np.arange(8), float(GIB)).sent_bytes
    relief = state.vms.demand / sent
    assert (np.diff(relief[order]) <= 0).all()


def test_a_rate_must_be_above_zero():
    with pytest.raises(ScenarioError) as error:
        vm_selections.create("least-cost", bandwidth_bps=0)
    assert error.value.field == "bandwidth_bps"
