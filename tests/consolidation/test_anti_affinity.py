"""VMs of one anti-affinity group are never on one host, whoever moves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.consolidation import Move, Priority
from cluster_emu.consolidation.placement.filters import AntiAffinity
from cluster_emu.consolidation.placement.targets import may_receive, may_restart_on
from cluster_emu.consolidation.triggers import Consolidation, Drain, LoadBalance
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.fault_checks import run_checked
from tests._support.no_draws import NO_DRAWS
from tests._support.small_scenarios import PAGE, scenario


def hops(moves: list[Move]) -> list[tuple[int, int, int]]:
    return [(move.vm, move.source, move.target) for move in moves]


def test_hosts_of_the_group_take_no_other_vm_of_it(make_state, vm, plan_of):
    vms = [vm(0, 1.0, group=7), vm(1, 1.0, group=7), vm(2, 1.0, group=3), vm(3, 1.0)]
    plan = plan_of(make_state([10] * 4, [16] * 4, vms))
    assert AntiAffinity().passes(plan, 0).tolist() == [True, False, True, True]
    assert may_receive(plan, 0).tolist() == [False, False, True, True]
    assert may_receive(plan, 3).tolist() == [True, True, True, False]
    assert may_restart_on(plan, 1).tolist() == [False, True, True, True]


def test_a_vm_that_migrates_counts_at_both_of_its_hosts(make_state, vm, plan_of):
    vms = [vm(0, 1.0, target=1, group=0), vm(2, 1.0, group=0), vm(3, 1.0)]
    state = make_state([10] * 4, [16] * 4, vms)
    assert state.kept_apart_from(1).tolist() == [True, True, False, False]
    assert may_receive(plan_of(state), 1).tolist() == [False, False, False, True]


def test_a_planned_move_counts_too_and_none_breaks_the_rule(make_state, vm, plan_of):
    plan = plan_of(make_state([10] * 4, [16] * 4, [vm(0, 1.0, group=0), vm(1, 1.0, group=0)]))
    plan.apply(Move(0, 0, 2, "balance", Priority.REBALANCE))
    assert may_receive(plan, 1).tolist() == [False, False, False, True]
    with pytest.raises(ValueError, match="a VM of its anti-affinity group is at the target"):
        plan.apply(Move(1, 1, 2, "balance", Priority.REBALANCE))


@pytest.mark.parametrize("trigger", [Consolidation(), LoadBalance(spread=0.05), Drain(hosts=(0,))])
def test_triggers_keep_them_apart(make_state, vm, plan_of, trigger):
    # without the groups every VM goes to host 1, which has the most free CPU of those in use
    vms = [vm(0, 9.0, group=0), vm(0, 0.5, group=1), vm(1, 1.0, group=0), vm(1, 0.1, group=1)]
    plan = plan_of(make_state([10] * 3, [16] * 3, [*vms, vm(2, 5.0)]))
    moves, _ = trigger.moves(plan, NO_DRAWS)
    assert 1 not in {move.target for move in moves if move.source == 0}


def test_a_drain_says_what_anti_affinity_alone_holds_up(make_state, vm, plan_of):
    vms = [vm(0, 1.0, group=0), vm(0, 1.0, 12), vm(1, 1.0, 8, group=0)]
    moves, report = Drain(hosts=(0,)).moves(plan_of(make_state([10] * 2, [16] * 2, vms)), NO_DRAWS)
    assert moves == []
    assert (report.unplaced, report.kept_apart) == ((0, 1), (0,))
    assert report.note == (
        "2 VMs to move off 1 host, 2 fit nowhere (1 of them because of anti-affinity alone)"
    )


def grouped(
    seed: int, trigger: dict[str, Any], faults: list[dict[str, Any]] | None = None
) -> Scenario:
    """Return six hosts with three groups of three VMs, and eight VMs of no group."""
    rng = np.random.default_rng(seed)
    vm = {"cpu_capacity": 4, "memory_bytes": 500 * PAGE, "profile": "idle"}
    return scenario(
        hosts=6,
        vms=[{**vm, "count": 3, "anti_affinity": name} for name in ("a", "b", "c")]
        + [{**vm, "count": 8}],
        placement=str(rng.choice(["spread", "pack", "random"])),
        demand={"name": "constant", "share": 0.6},
        run={
            "duration_s": 15.0,
            "tick_s": 1.0,
            "control_interval_s": 3.0,
            "stop_when_idle": False,
        },
        manager={"triggers": [trigger], "max_per_cluster": 2},
        faults=faults or [],
        high_availability={"restart_delay_s": 2.0},
        migrations=[{"vm": 0, "target": int(rng.integers(6)), "at_s": 1.0}],
    ).with_fields({"hosts.0.memory_bytes": 6_000 * PAGE})


@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 99),
    trigger=st.sampled_from(
        [
            {"name": "consolidation"},
            {"name": "load-balance", "spread": 0.05},
            {"name": "drain", "hosts": [0, 3], "at_s": 4.0},
        ]
    ),
    crash_s=st.sampled_from([None, 5.0, 8.5]),
)
def test_no_two_of_a_group_are_ever_on_one_host(
    seed: int, trigger: dict[str, Any], crash_s: float | None
) -> None:
    crash = [{"kind": "host-crash", "host": 1, "at_s": crash_s, "repair_s": 5.0}]
    model = ClusterModel(grouped(seed, trigger, crash if crash_s else None), rng=seed)
    step = model.step

    def checked_step() -> None:
        step()
        vms = model.state.vms
        for group in range(3):
            members = vms.host[(vms.anti_affinity == group) & vms.running]
            assert len(set(members.tolist())) == len(members)

    model.step = checked_step  # type: ignore[method-assign]
    run_checked(model)
