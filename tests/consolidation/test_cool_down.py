"""What keeps VMs from moving back and forth: cool-down and hysteresis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu import ClusterModel
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.triggers import Consolidation
from cluster_emu.consolidation.underload import LeastUtilised
from tests._support.no_draws import NO_DRAWS

BUSY = LeastUtilised(below=0.001)


def moved(state, vm: int, source: int, target: int, at_s: float) -> None:
    """Let a VM migrate from one host to another at this instant."""
    state.reserve_move(vm, target, at_s)
    state.move_vm(vm, target, at_s)
    state.release_move(vm, source)


@pytest.mark.parametrize(("now_s", "moves"), [(100.0, 0), (399.9, 0), (400.0, 1)])
def test_a_vm_that_moved_stays_until_it_has_cooled_down(make_state, vm, plan_of, now_s, moves):
    state = make_state([10, 10], [8, 8], [vm(0, 1.0), vm(1, 2.0)])
    moved(state, 0, 0, 1, 90.0)
    moved(state, 0, 1, 0, 100.0)
    state.time_s = now_s
    planned, report = Consolidation(cool_down_s=300.0).moves(plan_of(state), NO_DRAWS)
    # Host 0 has the VM that moved; while it cools down, only host 1 may be emptied.
    assert (0 in [move.vm for move in planned]) == bool(moves)
    assert report.untried_as.get("with a VM that cools down", 0) == 1 - moves


def test_a_vm_that_cools_down_is_not_taken_off_an_overloaded_host(make_state, vm, plan_of):
    state = make_state([10, 10], [16, 16], [vm(0, 5.0, 1), vm(0, 4.0, 2)])
    moved(state, 0, 0, 1, 10.0)
    moved(state, 0, 1, 0, 20.0)
    state.time_s = 300.0
    cool = Consolidation(cool_down_s=600.0, underload=BUSY)
    assert [move.vm for move in cool.moves(plan_of(state), NO_DRAWS)[0]] == [1]
    assert [
        move.vm for move in Consolidation(underload=BUSY).moves(plan_of(state), NO_DRAWS)[0]
    ] == [0]
    moved(state, 1, 0, 1, 300.0)
    moved(state, 1, 1, 0, 300.0)
    _, report = cool.moves(plan_of(state), NO_DRAWS)
    assert report.overloaded_as == {"whose VMs cool down": 1}


def test_later_triggers_may_move_what_cools_down(make_state, vm, plan_of):
    state = make_state([10, 10], [8, 8], [vm(0, 1.0), vm(1, 2.0)])
    moved(state, 0, 0, 1, 0.0)
    moved(state, 0, 1, 0, 0.0)
    plan = plan_of(state)
    before = plan.movable_count.copy()
    with plan.holding(np.array([True, False])):
        assert plan.movable.tolist() == [False, True]
        assert plan.movable_count.tolist() == [0, 1]
    assert plan.movable.tolist() == [True, True]
    assert np.array_equal(plan.movable_count, before)


@pytest.mark.parametrize(("now_s", "sources"), [(100.0, {1}), (400.0, {0})])
def test_a_host_that_was_woken_is_not_emptied(make_state, vm, plan_of, now_s, sources):
    state = make_state([10, 10], [8, 8], [vm(0, 1.0), vm(1, 2.0)], off=[0])
    state.switch_on(0, 100.0)
    state.time_s = now_s
    trigger = Consolidation(host_cool_down_s=300.0)
    moves, report = trigger.moves(plan_of(state), NO_DRAWS)
    assert {move.source for move in moves} == sources
    assert report.untried_as.get("switched on lately", 0) == (1 if sources == {1} else 0)


def test_with_hysteresis_a_host_is_relieved_to_below_its_threshold(make_state, vm, plan_of):
    # Host 0 wants 8.5 of 10. Without hysteresis the 1 GiB VM leaves (7.5 <= 8), with 0.1 the next.
    vms = [vm(0, 6.0, 8), vm(0, 1.5, 2), vm(0, 1.0, 1), vm(1, 0.5)]
    state = make_state([10, 10], [16, 16], vms)

    def planned(**parts: float) -> list[int]:
        trigger = Consolidation(underload=BUSY, **parts)
        return sorted(move.vm for move in trigger.moves(plan_of(state), NO_DRAWS)[0])

    assert planned() == [2]
    assert planned(hysteresis=0.05) == [2]
    assert planned(hysteresis=0.1) == [1, 2]


def test_with_hysteresis_a_target_stays_below_its_threshold(make_state, vm, plan_of):
    # Together 7.5 of 10, the threshold is 8.
    state = make_state([10, 10], [8, 8], [vm(0, 3.0), vm(1, 4.5)])
    assert Consolidation(hysteresis=0.05).moves(plan_of(state), NO_DRAWS)[1].emptied == 1
    report = Consolidation(hysteresis=0.06).moves(plan_of(state), NO_DRAWS)[1]
    assert (report.emptied, report.kept_as) == (0, {"with a VM short of CPU": 2})


@given(seed=st.integers(0, 2**32 - 1), hysteresis=st.sampled_from([0.05, 0.2]))
def test_no_target_ends_within_the_hysteresis(make_random, plan_of, seed, hysteresis):
    plan = plan_of(make_random(seed))
    trigger = Consolidation(overload=StaticThreshold(upper=0.6), hysteresis=hysteresis)
    moves, _ = trigger.moves(plan, NO_DRAWS)
    targets = [move.target for move in moves]
    assert (plan.utilisation[targets] <= 0.6 - hysteresis + 1e-8).all()


SWINGING = {
    "topology.leaves": 2,
    "topology.hosts_per_leaf": 2,
    "hosts.0.count": 4,
    "vms.0.count": 12,
    "vms.1.count": 4,
    "vms.0.memory_bytes": "64 MiB",
    "vms.1.memory_bytes": "64 MiB",
    "run.duration_s": "2 h",
}


def test_in_a_run_a_vm_is_queued_again_only_after_the_cool_down():
    def shortest_stay_s(cool_down_s: float) -> float:
        trigger = {"name": "consolidation", "cool_down_s": cool_down_s}
        model = ClusterModel("cluster", rng=3, **SWINGING, **{"manager.triggers": [trigger]})
        table = model.run().migrations.sort_values("queued_s")
        model.close()
        resumed_before_s = table.groupby("vm")["resume_s"].shift()
        return float((table["queued_s"] - resumed_before_s).min())

    assert shortest_stay_s(0.0) < 1000.0
    assert 1800.0 <= shortest_stay_s(1800.0) < 7200.0
