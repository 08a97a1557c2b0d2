from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation import Move
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import MostFree, PowerAwareBestFitDecreasing
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.consolidation.triggers import Consolidation, Drain, LoadBalance
from tests._support.no_draws import NO_DRAWS

SEEDS = st.integers(0, 2**32 - 1)
AWAKE = PowerAwareBestFitDecreasing(wake=False)
TRIGGERS = [
    Consolidation(),
    Consolidation(overload=StaticThreshold(upper=0.4), placement=MostFree()),
    Consolidation(placement=AWAKE),
    LoadBalance(spread=0.05),
    LoadBalance(spread=0.01, measure="stddev", placement=PowerAwareBestFitDecreasing()),
    Drain(hosts=(0, 1)),
    Drain(hosts=(1,), overcommit=False, placement=AWAKE),
]
IDS = [f"{number}-{trigger.name}" for number, trigger in enumerate(TRIGGERS)]
every_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=IDS)


def carried_out(state: ClusterState, moves: list[Move]) -> None:
    """Do the moves at once: target memory taken, source memory freed, nothing on its way."""
    for move in moves:
        state.reserve_move(move.vm, move.target, 0.0)
        state.move_vm(move.vm, move.target, 0.0)
        state.release_move(move.vm, move.source)


@every_trigger
@given(seed=SEEDS)
def test_moves_are_possible(make_random, plan_of, trigger, seed):
    state = make_random(seed)
    plan = plan_of(state)
    moves, report = trigger.moves(plan, NO_DRAWS)
    moved = [move.vm for move in moves]
    assert len(set(moved)) == len(moved) == report.moves
    reserved = state.hosts.memory_reserved_bytes.copy()
    for move in moves:
        assert not state.vms.queued[move.vm]
        assert state.vms.host[move.vm] == move.source != move.target
        assert not state.hosts.drained[move.target]
        reserved[move.target] += state.vms.memory_bytes[move.vm]
    assert (reserved <= state.hosts.memory_bytes).all()
    assert np.array_equal(plan.memory_free_bytes, state.hosts.memory_bytes - reserved)
    assert not set(moved) & set(report.unplaced)


@every_trigger
@given(seed=SEEDS)
def test_the_same_state_gives_the_same_moves(make_random, plan_of, trigger, seed):
    first, second = (trigger.moves(plan_of(make_random(seed)), NO_DRAWS) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("trigger", [Consolidation(placement=AWAKE), LoadBalance(spread=0.05)])
@given(seed=SEEDS)
def test_sleeping_hosts_are_left_asleep(make_random, plan_of, trigger, seed):
    state = make_random(seed)
    moves, _ = trigger.moves(plan_of(state), NO_DRAWS)
    assert all(state.hosts.switched_on[move.target] for move in moves)


@pytest.mark.parametrize("upper", [0.3, 0.8, 1.0])
@given(seed=SEEDS)
def test_consolidation_keeps_its_targets_below_the_threshold(make_random, plan_of, upper, seed):
    state = make_random(seed)
    plan = plan_of(state)
    before = plan.utilisation
    moves, report = Consolidation(overload=StaticThreshold(upper=upper)).moves(plan, NO_DRAWS)
    targets = [move.target for move in moves]
    assert (plan.utilisation[targets] <= upper + 1e-8).all()
    assert (before[targets] <= upper + 1e-8).all()
    assert report.relieved <= report.overloaded == int((before > upper + 1e-9).sum())


@given(seed=SEEDS)
def test_hosts_are_emptied_all_or_nothing(make_random, plan_of, seed):
    plan = plan_of(make_random(seed))
    moves, report = Consolidation().moves(plan, NO_DRAWS)
    sources = {move.source for move in moves if move.reason == "underload"}
    assert len(sources) == report.emptied
    assert all(plan.vm_count[source] == 0 for source in sources)
    assert not sources & {move.target for move in moves}


@given(seed=SEEDS)
def test_evacuated_vms_wake_no_host_and_fill_no_empty_one(make_random, plan_of, seed):
    plan = plan_of(make_random(seed))
    had_vms = plan.vm_count > 0
    moves, _ = Consolidation().moves(plan, NO_DRAWS)
    woken = {move.target for move in moves if move.reason == "overload"}
    evacuated = {move.target for move in moves if move.reason == "underload"}
    assert all(had_vms[target] or target in woken for target in evacuated)


@given(seed=SEEDS)
def test_a_drain_moves_or_reports_every_vm_that_can_move(make_random, plan_of, seed):
    state = make_random(seed)
    plan = plan_of(state)
    movable = {vm for host in (0, 1) for vm in plan.movable_on(host).tolist()}
    moves, report = Drain(hosts=(0, 1)).moves(plan, NO_DRAWS)
    assert {move.vm for move in moves} | set(report.unplaced) == movable
    # With overcommit only memory can be in the way, and each move makes it scarcer.
    assert not any(may_receive(plan, vm).any() for vm in report.unplaced)


@given(seed=SEEDS)
def test_balancing_leaves_the_target_below_what_the_source_had(make_random, plan_of, seed):
    balance, state = LoadBalance(spread=0.05), make_random(seed)
    replay = plan_of(state)
    for move in balance.moves(plan_of(state), NO_DRAWS)[0]:
        before = replay.utilisation[move.source]
        replay.apply(move)
        assert replay.utilisation[move.source] < before
        assert replay.utilisation[move.target] <= before - balance.margin + 1e-9


@pytest.mark.parametrize(
    "trigger",
    [
        LoadBalance(spread=0.05),
        LoadBalance(spread=0.05, resource="memory"),
        LoadBalance(spread=0.05, wake=True),
        Drain(hosts=(0,)),
    ],
)
@given(seed=SEEDS)
def test_with_a_steady_load_the_moves_come_to_an_end(
    make_random: Callable[[int], ClusterState], plan_of, trigger, seed
):
    state = make_random(seed)
    for _ in range(100):
        moves, _ = trigger.moves(plan_of(state), NO_DRAWS)
        if not moves:
            return
        carried_out(state, moves)
    raise AssertionError("still moving after 100 control instants")
