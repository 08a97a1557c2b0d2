from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.consolidation import PlacementScorer, placements
from cluster_emu.consolidation.placement import FilterScheduler, MostFree
from cluster_emu.consolidation.placement.composed import best, passing
from cluster_emu.consolidation.placement.filters import (
    FitsMemory,
    HasVMs,
    NotOverloaded,
    Operational,
    OtherHost,
    SwitchedOn,
)
from cluster_emu.consolidation.placement.scorers import (
    LeastFreeMemory,
    LeastPowerRise,
    MostFreeCPU,
)
from cluster_emu.consolidation.placement.targets import (
    another_target,
    may_receive,
    may_restart_on,
    restart_host,
)
from cluster_emu.errors import ScenarioError
from tests._support.no_draws import NO_DRAWS


class Given(PlacementScorer):
    """Scores that are given."""

    tolerance = 0.1

    def __init__(self, *scores: float, weight: float = 1.0) -> None:
        object.__setattr__(self, "given", np.array(scores))
        object.__setattr__(self, "weight", weight)

    def scores(self, view: object, vm: int, hosts: np.ndarray) -> np.ndarray:
        return self.given[hosts]


def chosen(*scorers: PlacementScorer) -> int:
    return best(scorers, None, 0, np.arange(3))


def test_the_highest_score_wins_and_equals_go_to_the_first():
    assert chosen(Given(1.0, 3.0, 2.0)) == 1
    assert chosen(Given(1.0, 3.0, 3.05)) == 1
    assert chosen(Given(1.0, 3.0, 3.2)) == 2


def test_scores_are_scaled_before_they_are_weighted():
    # Scaled: 0, 1/2, 1 and 1, 1/4, 0; the sizes of the scores themselves do not count.
    small, large = (0.0, 1.0, 2.0), (4000.0, 1000.0, 0.0)
    assert chosen(Given(*small), Given(*large)) == 0
    assert chosen(Given(*small, weight=1.01), Given(*large)) == 2
    assert chosen(Given(*small), Given(*large, weight=0.5)) == 2


def test_scores_within_the_tolerance_count_as_the_best_among_several_too():
    assert chosen(Given(1.95, 2.0, 0.0), Given(5.0, 5.0, 5.0)) == 0
    assert chosen(Given(1.85, 2.0, 0.0), Given(5.0, 5.0, 5.0)) == 1


@pytest.fixture
def plan(make_state, vm, plan_of):
    """Return six hosts: the VM's own, two that take it, a full, a drained and a failed one."""
    vms = [vm(0, 1.0, 4), vm(1, 6.0), vm(3, 1.0, 6), vm(4, 1.0)]
    state = make_state([10] * 6, [8] * 6, vms, off=[2], drained=[4])
    state.crash_hosts([5], 0.0)
    return plan_of(state)


@pytest.mark.parametrize(
    ("condition", "hosts"),
    [
        (FitsMemory(), {0, 1, 2, 4, 5}),
        (Operational(), {0, 1, 2, 3}),
        (OtherHost(), {1, 2, 3, 4, 5}),
        (SwitchedOn(), {0, 1, 3, 4}),
        (HasVMs(), {0, 1, 3, 4}),
        (NotOverloaded(overload={"name": "static-threshold", "upper": 0.5}), {0, 2, 3, 4, 5}),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_a_filter_passes_the_hosts_that_meet_its_condition(plan, condition, hosts):
    assert set(np.flatnonzero(condition.passes(plan, 0)).tolist()) == hosts
    allowed = np.arange(6) < 4
    assert set(np.flatnonzero(passing([condition], plan, 0, allowed)).tolist()) == hosts & {
        *range(4)
    }


def test_every_migration_needs_memory_and_another_host_that_takes_vms(plan):
    assert np.flatnonzero(may_receive(plan, 0)).tolist() == [1, 2]
    assert another_target(plan, 0) == 1  # host 2 is off
    plan.drain(np.arange(6) == 1)
    assert another_target(plan, 0) == 2
    plan.drain(np.arange(6) == 2)
    assert another_target(plan, 0) is None


def test_a_vm_that_is_down_may_restart_where_its_memory_still_is(make_state, vm, plan_of):
    state = make_state([10] * 3, [8] * 3, [vm(0, 1.0, 5), vm(0, 1.0, 3), vm(1, 1.0, 4)])
    state.take_down([0], 0.0)
    plan = plan_of(state)
    assert may_restart_on(plan, 0).tolist() == [True, False, True]
    assert restart_host(plan, 0) == 2
    state.crash_hosts([0], 0.0)
    plan = plan_of(state)
    assert may_restart_on(plan, 0).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="cannot be restarted on host 0"):
        plan.restart(0, 0)
    with pytest.raises(ValueError, match="cannot be restarted on host 1"):
        plan.restart(0, 1)
    plan.restart(0, 2)
    assert plan.vm_host[0] == 2


def test_scorers_prefer_less_power_more_cpu_and_less_memory(plan):
    hosts = np.array([1, 2])
    assert np.argmax(MostFreeCPU().scores(plan, 0, hosts)) == 1
    assert np.argmax(LeastFreeMemory().scores(plan, 0, hosts)) == 0
    # 100 W idle and 10 W per tenth of the CPU: the sleeping host costs its idle power, too.
    assert LeastPowerRise().scores(plan, 0, hosts) == pytest.approx([-10.0, -110.0])


def test_the_default_filter_scheduler_is_most_free(make_random, plan_of):
    for seed in range(20):
        plan = plan_of(make_random(seed))
        for vm in np.flatnonzero(plan.movable).tolist():
            allowed = may_receive(plan, vm)
            by_name = MostFree().choose(plan, vm, allowed, NO_DRAWS)
            assert FilterScheduler().choose(plan, vm, allowed, NO_DRAWS) == by_name


def test_filters_and_scorers_are_named_in_a_scenario(plan):
    made = placements.create(
        "filter-scheduler",
        largest="memory",
        filters=["fits-memory", {"name": "not-overloaded", "overload": "static-threshold"}],
        preferred=[],
        scorers=[{"name": "least-free-memory", "weight": 2.0}, "most-free-cpu"],
    )
    assert made == FilterScheduler(
        largest="memory",
        filters=(FitsMemory(), NotOverloaded()),
        preferred=(),
        scorers=(LeastFreeMemory(weight=2.0), MostFreeCPU()),
    )
    assert made.order(plan, np.arange(4)).tolist() == [2, 0, 1, 3]


@pytest.mark.parametrize(
    ("parameters", "field", "allowed"),
    [
        ({"scorers": []}, "scorers", "1 or more"),
        ({"scorers": ["most-free"]}, "scorers", "most-free-cpu"),
        ({"filters": ["fits-memroy"]}, "filters", "did you mean 'fits-memory'"),
        ({"scorers": [{"name": "most-free-cpu", "weight": 0}]}, "scorers", "> 0"),
        ({"largest": "disk"}, "largest", "'cpu-demand', 'memory' or 'cpu-and-memory'"),
    ],
)
def test_what_a_filter_scheduler_cannot_use_is_named(parameters, field, allowed):
    with pytest.raises(ScenarioError) as error:
        placements.create("filter-scheduler", **parameters)
    assert error.value.field.partition(".")[0] == field
    assert allowed in error.value.allowed
