from __future__ import annotations

import pytest

from cluster_emu.consolidation import Move, Priority
from cluster_emu.consolidation.triggers import LoadBalance
from tests._support.no_draws import NO_DRAWS


def hops(moves: list[Move]) -> list[tuple[int, int, int]]:
    return [(move.vm, move.source, move.target) for move in moves]


def test_vms_go_from_the_fullest_to_the_emptiest_until_the_spread_is_small(make_state, vm, plan_of):
    # .6 .3 0 -> .4 .3 .2 after the first VM: a range of .2, which is allowed.
    vms = [vm(0, 2.0), vm(0, 2.0), vm(0, 2.0), vm(1, 3.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    moves, report = LoadBalance(spread=0.2).moves(plan, NO_DRAWS)
    assert hops(moves) == [(0, 0, 2)]
    assert (moves[0].reason, moves[0].priority) == ("balance", Priority.REBALANCE)
    assert report.note.startswith("range of the utilisation 0.600, 0.200 after the moves")


def test_a_small_spread_is_left_alone(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 2.0), vm(1, 1.0)]))
    moves, report = LoadBalance(spread=0.2).moves(plan, NO_DRAWS)
    assert moves == []
    assert "0.100 after the moves, 0.200 allowed" in report.note


def test_the_standard_deviation_may_measure_the_spread(make_state, vm, plan_of):
    # .6 .3 0: range .6, standard deviation .2449.
    vms = [vm(0, 2.0), vm(0, 2.0), vm(0, 2.0), vm(1, 3.0)]
    state = make_state([10] * 3, [16] * 3, vms)
    assert LoadBalance(measure="stddev", spread=0.25).moves(plan_of(state), NO_DRAWS)[0] == []
    assert hops(LoadBalance(measure="stddev", spread=0.24).moves(plan_of(state), NO_DRAWS)[0]) == [
        (0, 0, 2)
    ]


def test_moves_are_limited_at_one_instant(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 1.0) for _ in range(8)]))
    moves, _ = LoadBalance(spread=0.01, max_moves=3).moves(plan, NO_DRAWS)
    assert hops(moves) == [(0, 0, 1), (1, 0, 1), (2, 0, 1)]


def test_a_move_that_only_swaps_the_roles_is_not_made(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 6.0)]))
    moves, report = LoadBalance().moves(plan, NO_DRAWS)
    assert moves == []
    assert report.note.endswith("1 hosts above the mean have no VM to move")


@pytest.mark.parametrize(("margin", "expected"), [(0.05, [(0, 0, 1)]), (0.06, [])])
def test_a_move_must_be_worth_the_margin(make_state, vm, plan_of, margin, expected):
    # Taking .05 off host 0 leaves it and its partner at least .05 below what it had.
    vms = [vm(0, 0.5, 1), vm(0, 5.0, 14), vm(1, 1.0, 4)]
    plan = plan_of(make_state([10] * 2, [16] * 2, vms))
    assert hops(LoadBalance(margin=margin).moves(plan, NO_DRAWS)[0]) == expected


def test_the_next_emptiest_takes_a_vm_whose_memory_the_emptiest_lacks(make_state, vm, plan_of):
    vms = [vm(0, 4.0, 4), vm(0, 4.0, 8), vm(1, 0.5, 14), vm(2, 1.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    assert hops(LoadBalance(max_moves=1).moves(plan, NO_DRAWS)[0]) == [(0, 0, 2)]


def test_a_stuck_host_does_not_block_the_next_fullest(make_state, vm, plan_of):
    vms = [vm(0, 9.0, 1, -1, True), vm(1, 4.0), vm(1, 4.0), vm(2, 1.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    assert hops(LoadBalance(max_moves=1).moves(plan, NO_DRAWS)[0]) == [(1, 1, 2)]


def test_hosts_that_are_off_or_drained_take_no_part(make_state, vm, plan_of):
    vms = [vm(0, 4.0), vm(0, 4.0), vm(1, 7.0)]
    plan = plan_of(make_state([10] * 4, [16] * 4, vms, off=[2], drained=[3]))
    moves, report = LoadBalance().moves(plan, NO_DRAWS)
    assert moves == []
    assert report.note.startswith("range of the utilisation 0.100")
    asleep = plan_of(make_state([10], [16], [], off=[0]))
    assert LoadBalance().moves(asleep, NO_DRAWS)[0] == []
