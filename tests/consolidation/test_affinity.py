"""VMs of one affinity group stay on one host, and leave a drained one for one host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cluster_emu.consolidation import Move, Priority, vm_selections
from cluster_emu.consolidation.placement import MostFree
from cluster_emu.consolidation.placement.filters import Affinity
from cluster_emu.consolidation.placement.targets import (
    another_target,
    may_receive,
    may_restart_on,
    restart_host,
)
from cluster_emu.consolidation.triggers import Consolidation, Drain, LoadBalance
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.no_draws import NO_DRAWS
from tests._support.small_scenarios import PAGE, scenario


def hops(moves: list[Move]) -> list[tuple[int, int, int]]:
    return [(move.vm, move.source, move.target) for move in moves]


def test_a_vm_that_is_with_its_group_stays(make_state, vm, plan_of):
    vms = [vm(0, 1.0, together=7), vm(0, 1.0, together=7), vm(1, 1.0, together=3), vm(1, 1.0)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    assert not may_receive(plan, 0).any()
    assert may_receive(plan, 2).tolist() == [True, False, True]  # alone in its group
    assert may_receive(plan, 3).tolist() == [True, False, True]


def test_a_vm_that_is_not_with_its_group_may_only_join_it(make_state, vm, plan_of):
    vms = [vm(0, 1.0, together=0), vm(1, 1.0, together=0), vm(2, 1.0, together=0)]
    plan = plan_of(make_state([10] * 4, [16] * 4, vms))
    assert may_receive(plan, 0).tolist() == [False, True, True, False]
    moving = plan_of(make_state([10] * 4, [16] * 4, [vm(0, 1.0, target=3, together=0), vms[0]]))
    assert may_receive(moving, 1).tolist() == [False, False, False, True]


def test_off_a_drained_host_the_first_needs_room_for_all_and_the_others_follow(
    make_state, vm, plan_of
):
    vms = [vm(0, 1.0, 3, together=0), vm(0, 1.0, 2, together=0), vm(1, 1.0, 12), vm(2, 1.0, 11)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms, drained=[0]))
    # 5 GiB are needed; host 1 has 4, host 2 has 5.
    assert may_receive(plan, 0).tolist() == may_receive(plan, 1).tolist() == [False, False, True]
    plan.apply(Move(1, 0, 2, "drain", Priority.DRAIN))
    assert may_receive(plan, 0).tolist() == [False, False, True]


def test_a_drain_moves_a_group_to_one_host(make_state, vm, plan_of):
    # One by one, most-free would spread them. The lone VM 2 is larger than VM 1, but comes after
    # the group, whose first VM is the largest, so it does not take the group's memory.
    vms = [vm(0, 3.0, 4, together=0), vm(0, 1.0, 4, together=0), vm(0, 2.0, 4), vm(2, 0.5, 6)]
    plan = plan_of(make_state([10] * 3, [16, 8, 14], vms))
    moves, report = Drain(hosts=(0,)).moves(plan, NO_DRAWS)
    assert hops(moves) == [(0, 0, 1), (1, 0, 1), (2, 0, 2)]
    assert report.unplaced == ()


def test_a_group_that_no_host_has_room_for_stays_and_anti_affinity_is_not_blamed(
    make_state, vm, plan_of
):
    vms = [vm(0, 1.0, 4, together=0, group=0), vm(0, 1.0, 4, together=0), vm(1, 1.0, 2, group=0)]
    moves, report = Drain(hosts=(0,)).moves(plan_of(make_state([10] * 2, [16, 9], vms)), NO_DRAWS)
    assert moves == []
    assert (report.unplaced, report.kept_apart) == ((0, 1), ())


@pytest.mark.parametrize("selection", vm_selections.names())
def test_other_vms_relieve_the_host_of_a_group(make_state, vm, plan_of, selection: str):
    if selection == "least-cost":
        selection = "least-cost:bandwidth_bps=1e9"
    vms = [vm(0, 4.0, 1, together=0), vm(0, 4.0, 1, together=0), vm(0, 1.5, 8), vm(1, 1.0)]
    plan = plan_of(make_state([10] * 2, [16] * 2, vms))
    moves, report = Consolidation(selection=selection).moves(plan, np.random.default_rng(1))
    assert hops(moves) == [(2, 0, 1)]
    assert (report.overloaded, report.relieved, report.unplaced) == (1, 1, ())


@pytest.mark.parametrize("trigger", [Consolidation(), LoadBalance(spread=0.05)])
def test_triggers_neither_split_nor_move_a_group(make_state, vm, plan_of, trigger):
    vms = [vm(0, 0.5, together=0), vm(0, 0.5, together=0), vm(1, 3.0), vm(1, 2.0)]
    moves, _ = trigger.moves(plan_of(make_state([10] * 3, [16] * 3, vms)), NO_DRAWS)
    assert not {0, 1} & {move.vm for move in moves}


def test_without_groups_and_for_groups_alike_the_order_is_by_size(make_state, vm, plan_of):
    vms = [vm(0, 1.0, together=0), vm(0, 4.0), vm(0, 3.0, together=1), vm(0, 2.0, together=0)]
    vms += [vm(0, 1.5, together=1), vm(0, 2.5)]
    plan = plan_of(make_state([99], [99], vms))
    assert MostFree().order(plan, np.arange(6)).tolist() == [1, 2, 4, 5, 3, 0]
    assert MostFree().order(plan, np.array([5, 1])).tolist() == [1, 5]


def test_a_restart_joins_the_group_where_it_can(make_state, vm, plan_of):
    vms = [vm(0, 1.0, 4, together=0), vm(0, 1.0, 4, together=0), vm(1, 1.0, 1), vm(2, 1.0, 9)]
    state = make_state([10] * 3, [16] * 3, vms)
    state.take_down([0, 1], 0.0)
    state.crash_hosts([0], 0.0)
    plan = plan_of(state)
    # Host 2 has 7 GiB free, which is enough for one of them but not for both.
    assert may_restart_on(plan, 0).tolist() == [False, True, False]
    plan.restart(0, 1)
    assert Affinity().passes(plan, 1).tolist() == [False, True, False]
    assert restart_host(plan, 1) == 1


def test_running_again_counts_more_than_affinity(make_state, vm, plan_of):
    vms = [vm(0, 1.0, 4, together=0), vm(0, 1.0, 4, together=0), vm(1, 1.0, 11), vm(2, 1.0, 11)]
    state = make_state([10] * 3, [16] * 3, vms)
    state.take_down([0, 1], 0.0)
    state.crash_hosts([0], 0.0)
    plan = plan_of(state)
    plan.restart(0, restart_host(plan, 0))
    plan.restart(1, restart_host(plan, 1))
    assert plan.vm_host[:2].tolist() == [1, 2]


def test_a_retry_takes_no_target_away_from_the_group(make_state, vm, plan_of):
    vms = [vm(0, 1.0, target=1, together=0), vm(1, 1.0, together=0), vm(0, 1.0, target=1)]
    plan = plan_of(make_state([10] * 3, [16] * 3, vms))
    assert another_target(plan, 0) is None
    assert another_target(plan, 2) == 2


def test_a_host_that_a_group_keeps_in_use_says_so(make_state, vm, plan_of):
    vms = [vm(0, 0.5, together=0), vm(0, 0.5, together=0), vm(1, 3.0)]
    _, report = Consolidation().moves(plan_of(make_state([10] * 2, [16] * 2, vms)), NO_DRAWS)
    assert report.kept_as["with a VM kept with its affinity group"] == 1
    vms = [vm(0, 5.0, together=0), vm(0, 5.0, together=0), vm(1, 3.0)]
    moves, report = Consolidation().moves(plan_of(make_state([10] * 2, [16] * 2, vms)), NO_DRAWS)
    assert (moves, report.overloaded, report.unplaced) == ([], 1, ())
    assert report.overloaded_as == {"without a VM that may move and wants CPU": 1}


# --- whole runs -----------------------------------------------------------------------------------


def grouped(trigger: dict[str, Any]) -> Scenario:
    """Return six hosts with three groups of two VMs, and eight VMs of no group."""
    vm = {"cpu_capacity": 4, "memory_bytes": 500 * PAGE, "profile": "idle"}
    return scenario(
        hosts=6,
        vms=[{**vm, "count": 2, "affinity": name} for name in ("a", "b", "c")]
        + [{**vm, "count": 8}],
        placement="spread",
        demand={"name": "constant", "share": 0.6},
        run={
            "duration_s": 30.0,
            "tick_s": 1.0,
            "control_interval_s": 3.0,
            "stop_when_idle": False,
        },
        manager={"triggers": [trigger], "max_per_cluster": 2},
        migrations=[{"vm": 0, "target": 5, "at_s": 1.0}],
    ).with_fields({"hosts.0.memory_bytes": 6_000 * PAGE})


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "trigger",
    [
        {"name": "consolidation"},
        {"name": "load-balance", "spread": 0.05},
        {"name": "drain", "hosts": [0, 1, 2], "at_s": 4.0},
    ],
    ids=lambda trigger: trigger["name"],
)
def test_every_group_is_on_one_host_in_the_end(seed: int, trigger: dict[str, Any]) -> None:
    model = ClusterModel(grouped(trigger), rng=seed)
    vms = model.state.vms
    before = vms.host[:6].copy()
    run_checked(model)
    assert vms.host[:6:2].tolist() == vms.host[1:6:2].tolist()
    if trigger["name"] == "drain":
        assert not {0, 1, 2} & set(vms.host.tolist())
    else:
        assert vms.host[:6].tolist() == before.tolist()
