from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.consolidation import Move, Plan, Priority
from cluster_emu.consolidation.placement.targets import may_receive

GIB = 2**30
VISIBLE = [
    "vm_host",
    "movable",
    "cpu_demand",
    "memory_free_bytes",
    "vm_count",
    "movable_count",
    "on",
    "drained",
    "utilisation",
    "watts_now",
    "can_be_emptied",
]
SEEDS = st.integers(0, 2**32 - 1)


def rebalance(vm: int, source: int, target: int) -> Move:
    return Move(vm, source, target, "test", Priority.REBALANCE)


def public(plan: Plan) -> dict[str, object]:
    """Everything a policy can see of a plan."""
    seen: dict[str, object] = {name: getattr(plan, name).tolist() for name in VISIBLE}
    seen["vms_on"] = [plan.vms_on(host).tolist() for host in range(len(plan.on))]
    return seen


def try_moves(plan: Plan, rng: np.random.Generator, count: int) -> list[Move]:
    """Apply up to `count` moves that the plan allows, drawn at random."""
    done = []
    for vm in rng.permutation(np.flatnonzero(plan.movable))[:count].tolist():
        targets = np.flatnonzero(may_receive(plan, vm))
        if len(targets):
            done.append(rebalance(vm, int(plan.vm_host[vm]), int(rng.choice(targets))))
            plan.apply(done[-1])
    return done


def test_vms_on_their_way_count_at_their_target_and_stay_put(make_state, vm, plan_of):
    state = make_state(
        [4, 4], [8, 8], [vm(0, 1.0), vm(0, 2.0, 2, target=1), vm(0, 0.5, 1, -1, True)]
    )
    plan = plan_of(state)
    assert plan.cpu_demand.tolist() == [1.5, 2.0]
    assert plan.vms_on(0).tolist() == [0, 2]
    assert plan.vms_on(1).tolist() == [1]
    assert plan.movable.tolist() == [True, False, False]
    assert plan.movable_on(0).tolist() == [0]
    assert plan.memory_free_bytes.tolist() == [4 * GIB, 6 * GIB]


def test_demand_counts_even_where_it_cannot_be_granted(make_state, vm, plan_of):
    plan = plan_of(make_state([4], [8], [vm(0, 3.0), vm(0, 3.0)]))
    assert plan.utilisation.tolist() == [1.5]
    assert plan.watts_now.tolist() == [200.0]


def test_a_planned_move_takes_memory_at_its_target_and_frees_none_at_its_source(
    make_state, vm, plan_of
):
    plan = plan_of(make_state([4, 4], [8, 8], [vm(0, 1.0, 3)], off=[1]))
    plan.apply(rebalance(0, 0, 1))
    assert plan.memory_free_bytes.tolist() == [5 * GIB, 5 * GIB]
    assert plan.cpu_demand.tolist() == [0.0, 1.0]
    assert plan.on.tolist() == [True, True]
    assert plan.movable_count.tolist() == [0, 0]
    assert plan.vm_count.tolist() == [0, 1]


def test_an_emptied_host_has_no_rounding_error_left(make_state, vm, plan_of):
    plan = plan_of(make_state([4, 4], [8, 8], [vm(0, 0.1), vm(0, 0.2), vm(0, 0.3)]))
    for number in range(3):
        plan.apply(rebalance(number, 0, 1))
    assert plan.cpu_demand[0] == 0.0


def test_hosts_that_are_off_draw_nothing(make_state, vm, plan_of):
    plan = plan_of(make_state([4, 4, 4], [8, 8, 8], [vm(0, 2.0)], off=[2]))
    assert plan.watts_now.tolist() == [150.0, 100.0, 0.0]


@pytest.mark.parametrize(
    ("move", "complaint"),
    [
        (rebalance(0, 1, 2), "is on host 0"),
        (rebalance(0, 0, 0), "own host"),
        (rebalance(0, 0, 1), "too full"),
        (rebalance(0, 0, 3), "drained"),
        (rebalance(1, 1, 2), "queued"),
    ],
)
def test_a_move_that_is_not_allowed_is_refused_and_changes_nothing(
    make_state, vm, plan_of, move, complaint
):
    state = make_state(
        [4] * 4, [8, 8, 8, 8], [vm(0, 1.0, 4), vm(1, 1.0, 6, queued=True)], drained=[3]
    )
    plan = plan_of(state)
    before = public(plan)
    with pytest.raises(ValueError, match=complaint):
        plan.apply(move)
    assert public(plan) == before


def test_a_vm_is_not_moved_twice(make_state, vm, plan_of):
    plan = plan_of(make_state([4] * 3, [8] * 3, [vm(0, 1.0)]))
    plan.apply(rebalance(0, 0, 1))
    with pytest.raises(ValueError, match="planned already"):
        plan.apply(rebalance(0, 1, 2))


def test_drained_hosts_stay_drained_after_a_restore(make_state, vm, plan_of):
    plan = plan_of(make_state([4, 4], [8, 8], [vm(0, 1.0)]))
    mark = plan.snapshot()
    plan.drain(np.array([False, True]))
    plan.restore(mark)
    assert not may_receive(plan, 0).any()


@given(seed=SEEDS, first=st.integers(0, 5), second=st.integers(0, 10))
def test_restore_brings_back_exactly_what_the_mark_saw(make_random, plan_of, seed, first, second):
    plan, rng = plan_of(make_random(seed)), np.random.default_rng(seed)
    try_moves(plan, rng, first)
    mark, before = plan.snapshot(), public(plan)
    for vm in np.flatnonzero(plan.movable)[:2].tolist():
        plan.lift(vm)
    try_moves(plan, rng, second)
    plan.restore(mark)
    assert public(plan) == before


@given(seed=SEEDS)
def test_a_plan_with_moves_equals_a_plan_of_the_state_with_them(make_random, plan_of, seed):
    state = make_random(seed)
    plan = plan_of(state)
    moves = try_moves(plan, np.random.default_rng(seed), 10)
    for move in moves:
        state.reserve_move(move.vm, move.target, 0.0)
    seen, fresh = public(plan), public(plan_of(state))
    for name in ("cpu_demand", "utilisation", "watts_now"):
        assert seen.pop(name) == pytest.approx(fresh.pop(name), abs=1e-9)
    assert seen == fresh


@given(seed=SEEDS)
def test_planning_leaves_the_state_alone(make_random, plan_of, seed):
    state = make_random(seed)
    before = copy.deepcopy(state)
    plan = plan_of(state)
    try_moves(plan, np.random.default_rng(seed), 10)
    plan.drain(np.ones_like(plan.drained))
    for columns, kept in ((state.hosts, before.hosts), (state.vms, before.vms)):
        for name in columns.__slots__:
            assert np.array_equal(getattr(columns, name), getattr(kept, name)), name
