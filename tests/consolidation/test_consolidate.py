from __future__ import annotations

import numpy as np

from cluster_emu.consolidation import Move, Priority
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import MostFree, PowerAwareBestFitDecreasing
from cluster_emu.consolidation.triggers import Consolidation
from cluster_emu.consolidation.underload import LeastUtilised
from tests._support.no_draws import NO_DRAWS

ONLY_OVERLOAD = Consolidation(underload=LeastUtilised(below=0.001))


def hops(moves: list[Move]) -> list[tuple[int, int, int, str]]:
    return [(move.vm, move.source, move.target, move.reason) for move in moves]


def test_an_overloaded_host_gives_up_its_smallest_vms_until_it_is_relieved(make_state, vm, plan_of):
    # Host 0 wants 9.6 of 10; the 1 GiB VM brings it to 8.6, the 2 GiB one to 7.5 <= 8.
    vms = [vm(0, 7.5, 8), vm(0, 1.1, 2), vm(0, 1.0, 1), vm(1, 3.0)]
    plan = plan_of(make_state([10, 10], [16, 16], vms))
    moves, report = ONLY_OVERLOAD.moves(plan, NO_DRAWS)
    assert hops(moves) == [(1, 0, 1, "overload"), (2, 0, 1, "overload")]
    assert {move.priority for move in moves} == {Priority.REBALANCE}
    assert (report.overloaded, report.relieved, report.unplaced) == (1, 1, ())
    assert report.moves == 2


def test_vms_of_all_overloaded_hosts_are_placed_by_decreasing_demand(make_state, vm, plan_of):
    vms = [vm(0, 7.5, 8), vm(0, 1.0, 1), vm(1, 7.5, 8), vm(1, 2.0, 1)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    moves, _ = ONLY_OVERLOAD.moves(plan, NO_DRAWS)
    assert hops(moves) == [(3, 1, 2, "overload"), (1, 0, 2, "overload")]


def test_a_vm_that_wants_no_cpu_is_not_moved_to_relieve_a_host(make_state, vm, plan_of):
    vms = [vm(0, 0.0, 1), vm(0, 5.0, 2), vm(0, 5.0, 3)]
    moves, _ = ONLY_OVERLOAD.moves(plan_of(make_state([10, 10], [16, 16], vms)), NO_DRAWS)
    assert hops(moves) == [(1, 0, 1, "overload")]


def test_a_vm_that_fits_nowhere_stays_and_is_reported(make_state, vm, plan_of):
    vms = [vm(0, 5.0, 4), vm(0, 5.0, 8), vm(1, 1.0, 14)]
    plan = plan_of(make_state([10, 10], [16, 16], vms))
    moves, report = ONLY_OVERLOAD.moves(plan, NO_DRAWS)
    assert moves == []
    assert (report.overloaded, report.relieved, report.unplaced) == (1, 0, (0,))
    assert report.note.startswith(
        "0 of 1 overloaded host relieved (1 with a VM that fits nowhere), "
        "1 of their VMs fit nowhere (1 short of memory)"
    )
    assert plan.vm_host.tolist() == [0, 0, 1]


def test_overload_wakes_a_host_only_if_allowed(make_state, vm, plan_of):
    state = make_state([10, 10], [16, 16], [vm(0, 5.0), vm(0, 5.0)], off=[1])
    assert hops(ONLY_OVERLOAD.moves(plan_of(state), NO_DRAWS)[0]) == [(0, 0, 1, "overload")]
    asleep = Consolidation(placement=PowerAwareBestFitDecreasing(wake=False))
    moves, report = asleep.moves(plan_of(state), NO_DRAWS)
    assert (moves, report.unplaced) == ([], (0,))


def test_vms_already_leaving_an_overloaded_host_are_counted_as_gone(make_state, vm, plan_of):
    vms = [vm(0, 5.0), vm(0, 5.0, target=1)]
    moves, report = ONLY_OVERLOAD.moves(plan_of(make_state([10, 10], [16, 16], vms)), NO_DRAWS)
    assert (moves, report.overloaded) == ([], 0)


def test_the_least_utilised_host_is_emptied_and_its_target_is_not(make_state, vm, plan_of):
    # Host 2 (0.2) goes first, to the lowest number it fits, host 0, which then stays. Host 1 (0.4)
    # fits on host 0 no longer (.3 + .2 + .4 > .8) and host 2 is empty.
    vms = [vm(0, 3.0), vm(1, 4.0), vm(2, 1.0), vm(2, 1.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    moves, report = Consolidation().moves(plan, NO_DRAWS)
    assert hops(moves) == [(2, 2, 0, "underload"), (3, 2, 0, "underload")]
    assert (report.tried, report.emptied, report.overloaded) == (2, 1, 0)
    assert report.note.endswith("1 of 2 underloaded hosts emptied (1 with a VM short of CPU)")


def test_a_host_is_emptied_all_or_nothing(make_state, vm, plan_of):
    # VM 2 (2 of 10) fits on host 1, VM 3 has too much memory for it.
    vms = [vm(0, 3.0, 1), vm(0, 2.0, 12), vm(1, 6.0, 6)]
    plan = plan_of(make_state([10, 10], [16, 16], vms))
    free = plan.memory_free_bytes.copy()
    moves, report = Consolidation().moves(plan, NO_DRAWS)
    assert moves == []
    assert (report.tried, report.emptied) == (2, 0)
    assert plan.vm_host.tolist() == [0, 0, 1]
    assert np.array_equal(plan.memory_free_bytes, free)


def test_neither_empty_nor_sleeping_hosts_receive_evacuated_vms(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(3, 7.5)]
    moves, report = Consolidation().moves(
        plan_of(make_state([10] * 4, [8] * 4, vms, off=[2])), NO_DRAWS
    )
    assert (moves, report.tried) == ([], 2)


def test_a_host_that_took_in_an_overloaded_hosts_vm_is_not_emptied(make_state, vm, plan_of):
    vms = [vm(0, 5.0, 1), vm(0, 5.0, 2), vm(1, 1.0), vm(2, 2.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    moves, _ = Consolidation().moves(plan, NO_DRAWS)
    assert hops(moves) == [(0, 0, 1, "overload"), (3, 2, 1, "underload")]


def test_an_overloaded_host_takes_nothing_even_when_relieved(make_state, vm, plan_of):
    # Once VM 0 has left, host 0 is at 0.1 and would be the lowest number for VM 2.
    vms = [vm(0, 8.0, 1), vm(0, 1.0, 2), vm(1, 1.0), vm(2, 2.0, 1)]
    plan = plan_of(make_state([10, 10, 20], [16] * 3, vms))
    moves, _ = Consolidation().moves(plan, NO_DRAWS)
    assert 0 not in {move.target for move in moves}
    assert hops(moves) == [(0, 0, 2, "overload"), (2, 1, 2, "underload")]


def test_drained_hosts_are_neither_targets_nor_emptied_here(make_state, vm, plan_of):
    vms = [vm(0, 1.0), vm(1, 2.0), vm(2, 3.0)]
    plan = plan_of(make_state([10] * 3, [8] * 3, vms, drained=[0]))
    moves, _ = Consolidation().moves(plan, NO_DRAWS)
    assert hops(moves) == [(1, 1, 2, "underload")]


def test_the_parts_are_used(make_state, vm, plan_of):
    state = make_state([10] * 3, [16] * 3, [vm(0, 3.0), vm(0, 3.0), vm(1, 4.0), vm(2, 1.0)])
    lower = Consolidation(
        overload=StaticThreshold(upper=0.5),
        underload=LeastUtilised(below=0.001),
        placement=MostFree(),
    )
    moves, report = lower.moves(plan_of(state), NO_DRAWS)
    assert hops(moves) == [(0, 0, 2, "overload")]
    assert report.relieved == 1


def test_an_empty_cluster_is_no_trouble(make_state, plan_of):
    moves, report = Consolidation().moves(plan_of(make_state([10], [8], [])), NO_DRAWS)
    assert (moves, report.tried, report.overloaded) == ([], 0, 0)
