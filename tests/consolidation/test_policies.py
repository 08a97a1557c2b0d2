from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.cluster.columns import ALL, Rows
from cluster_emu.consolidation import Move, Plan, Priority
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import MostFree, PowerAwareBestFitDecreasing
from cluster_emu.consolidation.selection import MinimumMigrationTime
from cluster_emu.consolidation.underload import LeastUtilised
from tests._support.no_draws import NO_DRAWS


def all_hosts(plan: Plan) -> np.ndarray:
    return np.ones_like(plan.on)


def test_static_threshold_is_exceeded_only_above_it(make_state, vm, plan_of):
    vms = [vm(0, 8.0), vm(1, 8.1), vm(2, 7.9)]
    plan = plan_of(make_state([10] * 4, [8] * 4, vms, off=[3]))
    assert StaticThreshold().overloaded(plan).tolist() == [False, True, False, False]
    assert [StaticThreshold().is_overloaded(plan, host) for host in range(4)] == [
        False,
        True,
        False,
        False,
    ]


def test_static_threshold_does_not_see_rounding(make_state, vm, plan_of):
    plan = plan_of(make_state([1.0], [8], [vm(0, 0.1), vm(0, 0.2)]))
    assert plan.utilisation[0] > 0.3
    assert not StaticThreshold(upper=0.3).overloaded(plan).any()


def test_static_threshold_fits_up_to_the_threshold(make_state, vm, plan_of):
    plan = plan_of(make_state([10, 10, 10, 1], [8] * 4, [vm(0, 1.0), vm(1, 7.0), vm(2, 7.1)]))
    assert StaticThreshold(upper=0.8).fits(plan, 0).tolist() == [True, True, False, False]


def test_least_utilised_comes_first_and_ties_by_number(make_state, vm, plan_of):
    vms = [vm(0, 3.0), vm(1, 1.0), vm(2, 2.0), vm(3, 1.0)]
    plan = plan_of(make_state([10] * 5, [8] * 5, vms))
    assert LeastUtilised().candidates(plan, all_hosts(plan)).tolist() == [1, 3, 2, 0]
    assert LeastUtilised(below=0.2).candidates(plan, all_hosts(plan)).tolist() == [1, 3]
    assert LeastUtilised(max_hosts=3).candidates(plan, all_hosts(plan)).tolist() == [1, 3, 2]


def test_hosts_with_a_vm_that_cannot_move_or_not_allowed_are_no_candidates(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(0, 1.0, queued=True), vm(1, 1.0), vm(2, 1.0), vm(2, 1.0, target=3)]
    plan = plan_of(make_state([10] * 5, [8] * 5, vms))
    # Host 0 keeps a queued VM, 3 is promised one, 4 is empty; 2 has only its last VM left.
    assert LeastUtilised().candidates(plan, all_hosts(plan)).tolist() == [1, 2]
    assert LeastUtilised().candidates(plan, np.arange(5) != 1).tolist() == [2]


def test_minimum_migration_time_ranks_by_memory_then_demand_then_number(make_state, vm, plan_of):
    vms = [vm(0, 1.0, 4), vm(0, 1.0, 2), vm(0, 2.0, 2), vm(0, 1.0, 2), vm(0, 9.0, 1, queued=True)]
    plan = plan_of(make_state([20, 20], [32, 32], [*vms, vm(1, 1.0, 1)]))
    assert MinimumMigrationTime().rank(plan, 0, NO_DRAWS).tolist() == [2, 1, 3, 0]


@pytest.mark.parametrize("placement", [PowerAwareBestFitDecreasing(), MostFree()])
def test_the_largest_demand_is_placed_first_and_ties_keep_their_order(
    make_state, vm, plan_of, placement
):
    plan = plan_of(make_state([10], [8], [vm(0, 1.0), vm(0, 3.0), vm(0, 2.0), vm(0, 3.0)]))
    assert placement.order(plan, np.array([0, 1, 2, 3])).tolist() == [1, 3, 2, 0]
    assert placement.order(plan, np.array([], dtype=np.intp)).tolist() == []


def curved_watts(utilisation: np.ndarray, hosts: Rows = ALL) -> np.ndarray:
    """Host 0 rises ever steeper (100 u^2), host 1 by 60 u, host 2 by 20 u but 500 W idle."""
    host = np.arange(3)[hosts]
    rise = np.choose(host, [100 * utilisation**2, 60 * utilisation, 20 * utilisation])
    return np.array([50.0, 50.0, 500.0])[host] + rise


def test_pabfd_takes_the_least_rise_in_power(make_state, vm):
    # The VM (1 of 10) would cost host 0 100 (.16 - .09) = 7 W, host 1 6 W, host 2 2 W.
    vms = [vm(0, 3.0), vm(1, 3.0), vm(2, 3.0), vm(0, 1.0)]
    plan = Plan.of(make_state([10] * 3, [8] * 3, vms), curved_watts)
    pabfd = PowerAwareBestFitDecreasing()
    assert pabfd.best_host(plan, 3, np.array([True, True, True])) == 2
    assert pabfd.best_host(plan, 3, np.array([True, True, False])) == 1
    assert pabfd.best_host(plan, 3, np.array([True, False, False])) == 0
    assert pabfd.best_host(plan, 3, np.array([False, False, False])) == -1


def test_pabfd_counts_vms_placed_before(make_state, vm):
    vms = [vm(2, 1.0), vm(2, 1.0), vm(2, 1.0), vm(2, 1.0), vm(2, 1.0)]
    plan = Plan.of(make_state([10] * 3, [8] * 3, vms), curved_watts)
    chosen = []
    for number in range(5):
        target = PowerAwareBestFitDecreasing().best_host(
            plan, number, np.array([True, True, False])
        )
        plan.apply(Move(number, 2, target, "test", Priority.REBALANCE))
        chosen.append(target)
    # Host 0 costs 1, 3, 5, 7 W for its first, second, third, fourth VM; host 1 always 6 W.
    assert chosen == [0, 0, 0, 1, 1]


def test_pabfd_gives_ties_to_the_lowest_number_whatever_the_rounding(make_state, vm, plan_of):
    vms = [vm(0, 1.0), *(vm(host, 0.1 * host) for host in range(1, 8))]
    plan = plan_of(make_state([3.0] * 8, [8] * 8, vms))
    rise = plan.watts_at(plan.utilisation_with(0)) - plan.watts_now
    assert np.ptp(rise[1:]) > 0  # equal on paper, not in floating point
    assert PowerAwareBestFitDecreasing().best_host(plan, 0, np.arange(8) > 0) == 1


def test_pabfd_wakes_a_host_only_where_no_other_will_do(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 4, [8] * 4, [vm(0, 1.0), vm(1, 5.0)], off=[2, 3]))
    pabfd = PowerAwareBestFitDecreasing()
    assert pabfd.best_host(plan, 0, np.array([False, True, True, True])) == 1
    assert pabfd.best_host(plan, 0, np.array([False, False, True, True])) == 2
    never = PowerAwareBestFitDecreasing(wake=False)
    assert never.best_host(plan, 0, np.array([False, False, True, True])) == -1


def test_pabfd_counts_the_idle_power_of_a_woken_host(make_state, vm):
    # Adding the VM costs host 1 50 + 6 W from scratch, host 2 500 + 2 W.
    plan = Plan.of(make_state([10] * 3, [8] * 3, [vm(0, 1.0)], off=[1, 2]), curved_watts)
    assert PowerAwareBestFitDecreasing().best_host(plan, 0, np.array([False, True, True])) == 1


def test_most_free_takes_the_host_left_with_the_least_utilisation(make_state, vm, plan_of):
    # With the VM: host 1 (2 + 2) / 10, host 2 (1 + 2) / 5, host 3 off and 2 / 10.
    vms = [vm(0, 2.0), vm(1, 2.0), vm(2, 1.0)]
    plan = plan_of(make_state([10, 10, 5, 10], [8] * 4, vms, off=[3]))
    assert MostFree().best_host(plan, 0, np.array([False, True, True, True])) == 1
    assert MostFree().best_host(plan, 0, np.array([False, False, True, True])) == 2
    assert MostFree().best_host(plan, 0, np.array([False, False, False, True])) == 3
    assert MostFree(wake=False).best_host(plan, 0, np.array([False, False, False, True])) == -1
