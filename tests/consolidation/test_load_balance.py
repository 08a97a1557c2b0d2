from __future__ import annotations

import pytest

from cluster_emu.consolidation import Move, Priority
from cluster_emu.consolidation.triggers import LoadBalance
from cluster_emu.model import ClusterModel
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
    assert report.note.endswith("with a margin of 0.02, 1 host above the mean has no VM to move")


@pytest.mark.parametrize(("margin", "expected"), [(0.1875, [(0, 0, 1)]), (0.19, [])])
def test_the_target_must_end_the_margin_below_what_the_source_had(
    make_state, vm, plan_of, margin, expected
):
    # .75 .25 -> .4375 .5625, which is .1875 below .75
    vms = [vm(0, 5.0, 1), vm(0, 7.0, 14), vm(1, 4.0, 4)]
    plan = plan_of(make_state([16] * 2, [16] * 2, vms))
    assert hops(LoadBalance(margin=margin).moves(plan, NO_DRAWS)[0]) == expected


def test_vms_far_smaller_than_the_margin_even_out_two_hosts(make_state, vm, plan_of):
    # 60 VMs of 1/64 each; .9375 and 0 -> .5625 and .375 after 24 of them
    plan = plan_of(make_state([64] * 2, [64] * 2, [vm(0, 1.0) for _ in range(60)]))
    moves, report = LoadBalance(max_moves=100).moves(plan, NO_DRAWS)
    assert len(moves) == 24
    assert report.note == "range of the utilisation 0.938, 0.188 after the moves, 0.200 allowed"


def test_many_small_vms_of_one_host_spread_over_two() -> None:
    model = ClusterModel(
        "single",
        rng=0,
        **{
            "hosts.0.cpu_capacity": 64,
            "hosts.0.memory_bytes": "128 GiB",
            "vms.0.count": 60,
            "migrations": [],
            "manager.triggers": ["load-balance"],
            "transfer.strategy": "stop-and-copy",
            "run.duration_s": 1500,
            "run.stop_when_idle": False,
        },
    )
    moved = model.run().migrations
    assert len(moved) == 24
    assert set(moved["outcome"]) == {"completed"}
    share = [machine.utilisation for machine in model.machines]
    assert share == [0.5625, 0.375]


def test_a_vm_that_wants_no_cpu_is_not_moved(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 0.0), vm(0, 6.0)]))
    assert LoadBalance().moves(plan, NO_DRAWS)[0] == []


def test_memory_may_be_what_is_balanced(make_state, vm, plan_of):
    # memory 12/16, 2/16, 8/32; CPU is even
    vms = [vm(0, 2.0, 4), vm(0, 2.0, 4), vm(0, 2.0, 4), vm(1, 6.0, 2), vm(2, 6.0, 8)]
    state = make_state([10] * 3, [16, 16, 32], vms)
    assert LoadBalance().moves(plan_of(state), NO_DRAWS)[0] == []
    moves, report = LoadBalance(resource="memory").moves(plan_of(state), NO_DRAWS)
    # .75 .125 .25 -> .5 .375 .25 -> .25 .375 .375
    assert hops(moves) == [(0, 0, 1), (1, 0, 2)]
    assert report.note.startswith("range of the memory utilisation 0.625, 0.125 after the moves")


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


def test_one_host_alone_has_nothing_to_balance_and_it_says_so(make_state, vm, plan_of):
    state = make_state([10] * 3, [16] * 3, [vm(0, 9.0)], off=[1], drained=[2])
    moves, report = LoadBalance().moves(plan_of(state), NO_DRAWS)
    assert moves == []
    assert report.note == (
        "only host 0 takes part, so there is nothing to balance; "
        "of the other hosts: 1 off (wake = false), 1 drained"
    )
    asleep = plan_of(make_state([10], [16], [], off=[0]))
    assert LoadBalance().moves(asleep, NO_DRAWS)[1].note.startswith("no host takes part")
    alone = plan_of(make_state([10], [16], [vm(0, 9.0)]))
    assert LoadBalance().moves(alone, NO_DRAWS)[1].note.endswith("there is no other")


def test_a_host_that_is_off_may_be_woken(make_state, vm, plan_of):
    vms = [vm(0, 3.0), vm(0, 3.0), vm(0, 3.0)]
    state = make_state([10] * 3, [16] * 3, vms, off=[1, 2], drained=[2])
    moves, _ = LoadBalance(wake=True).moves(plan_of(state), NO_DRAWS)
    assert hops(moves) == [(0, 0, 1)]  # .9 0 -> .6 .3; back to .3 .6 would be no better


def test_the_note_says_when_no_vm_may_migrate(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 2, [16] * 2, [vm(0, 6.0, migratable=False)]))
    moves, report = LoadBalance().moves(plan, NO_DRAWS)
    assert moves == []
    assert report.note.endswith("1 host above the mean has no VM that may migrate now")
