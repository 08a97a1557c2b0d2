"""Consolidation plans what its plain form plans, which tries every host one VM after the other."""

from __future__ import annotations

from typing import ClassVar
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation import ClusterView, Placement, Plan, evacuation
from cluster_emu.consolidation.evacuation import CompiledEvacuation
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import (
    MemoryBestFitDecreasing,
    MostFree,
    PowerAwareBestFitDecreasing,
)
from cluster_emu.consolidation.placement.targets import may_receive
from cluster_emu.consolidation.room import Room
from cluster_emu.consolidation.triggers import Consolidation
from cluster_emu.consolidation.underload import LeastUtilised
from cluster_emu.metrics.power import LinearPower, PowerColumns, SpecPower
from tests._support.no_draws import NO_DRAWS
from tests._support.plain_consolidation import plain_moves

SEEDS = st.integers(0, 2**32 - 1)
LARGE = (10, 60)
"""Hosts and VMs."""
SERVERS = (SpecPower("hp-ml110-g4"), SpecPower("hp-ml110-g5"))


@dataclass(frozen=True)
class OfTwoVMs(StaticThreshold):
    """A host has CPU for a VM if it has at most one other VM, whatever it wants."""

    name: ClassVar[str] = "of-two-vms"

    def fits(self, view: ClusterView, vm: int) -> np.ndarray:
        """Return the hosts with at most one VM, [hosts]."""
        return view.vm_count < 2


@dataclass(frozen=True)
class LastOfEven(Placement):
    """The last host with an even number: a placement that refuses hosts with room."""

    name: ClassVar[str] = "last-of-even"
    summary: ClassVar[str] = "the last host with an even number"
    source: ClassVar[str] = "a test"

    def order(self, view: ClusterView, vms: np.ndarray) -> np.ndarray:
        """Return the VMs, the last one first."""
        return vms[::-1]

    def choose(self, view: ClusterView, vm: int, allowed: np.ndarray, rng: object) -> int:
        """Return the last host that is even."""
        return max((host for host in np.flatnonzero(allowed).tolist() if host % 2 == 0), default=-1)


TRIGGERS = {
    "default": Consolidation(),
    "low threshold": Consolidation(overload=StaticThreshold(upper=0.4)),
    "most free": Consolidation(placement=MostFree(), underload=LeastUtilised(below=0.5)),
    "memory": Consolidation(placement=MemoryBestFitDecreasing()),
    "asleep": Consolidation(placement=PowerAwareBestFitDecreasing(wake=False)),
    "own fits": Consolidation(overload=OfTwoVMs()),
    "own placement": Consolidation(placement=LastOfEven()),
}


def plan_on_servers(state) -> Plan:
    models = [SERVERS[host % 2] for host in range(state.host_count)]
    return Plan.of(state, PowerColumns(models).watts_if_on)


@pytest.mark.parametrize("name", TRIGGERS)
@given(seed=SEEDS, groups=st.sampled_from([0, 3]), large=st.booleans())
def test_the_moves_are_those_of_the_plain_form(make_random, name, seed, groups, large):
    size = LARGE if large else (None, None)
    state, trigger = make_random(seed, *size, groups=groups), TRIGGERS[name]
    plan, plain = plan_on_servers(state), plan_on_servers(state)

    moves, report = trigger.moves(plan, NO_DRAWS)

    assert (moves, report.tried, report.emptied) == plain_moves(trigger, plain, NO_DRAWS)
    assert np.array_equal(plan.vm_host, plain.vm_host)
    assert np.array_equal(plan.cpu_demand, plain.cpu_demand)


COMPILED = {
    "default": Consolidation(),
    "low threshold": Consolidation(overload=StaticThreshold(upper=0.4)),
    "hysteresis": Consolidation(hysteresis=0.1),
    "asleep": Consolidation(placement=PowerAwareBestFitDecreasing(wake=False)),
}
LINEAR = LinearPower(90.0, 200.0)


@pytest.mark.parametrize("name", COMPILED)
@given(seed=SEEDS, models=st.sampled_from([SERVERS, (LINEAR,), (*SERVERS, LINEAR)]))
def test_compiled_code_plans_and_reports_the_same(make_random, name, seed, models):
    state, trigger = make_random(seed, *LARGE), COMPILED[name]
    power = PowerColumns([models[host % len(models)] for host in range(state.host_count)])
    plan = Plan.of(state, power)
    with patch.object(evacuation, "LEAST_HOSTS", 0):
        assert CompiledEvacuation.supports(plan, trigger.placement)
        found = trigger.moves(plan, NO_DRAWS)
    interpreted = Plan.of(state, power.watts_if_on)
    assert not CompiledEvacuation.supports(interpreted, trigger.placement)

    assert found == trigger.moves(interpreted, NO_DRAWS)
    assert np.array_equal(plan.cpu_demand, interpreted.cpu_demand)


@pytest.mark.parametrize("seed", range(3))
def test_compiled_code_that_passes_blocks_over_plans_the_same(make_random, seed):
    state = make_random(seed, 300, 2500)  # hosts of five blocks
    power = PowerColumns([SERVERS[host % 2] for host in range(state.host_count)])
    trigger = Consolidation()
    with patch.object(evacuation, "LEAST_HOSTS", 0):
        moves, report = trigger.moves(Plan.of(state, power), NO_DRAWS)

    assert len(moves) > 100
    assert (moves, report) == trigger.moves(Plan.of(state, power.watts_if_on), NO_DRAWS)


def test_compiled_code_is_left_to_what_it_stands_for(make_random):
    state, apart = make_random(1, *LARGE), make_random(1, *LARGE, groups=3)
    power = PowerColumns([LINEAR] * state.host_count)
    power_aware, most_free = PowerAwareBestFitDecreasing(), MostFree()
    with patch.object(evacuation, "LEAST_HOSTS", 0):
        assert CompiledEvacuation.supports(Plan.of(state, power), power_aware)
        assert not CompiledEvacuation.supports(Plan.of(state, power), most_free)
        assert not CompiledEvacuation.supports(Plan.of(apart, power), power_aware)
    assert not CompiledEvacuation.supports(Plan.of(state, power), power_aware)
    state._vms.affinity[:2] = 0
    with patch.object(evacuation, "LEAST_HOSTS", 0):
        assert not CompiledEvacuation.supports(Plan.of(state, power), power_aware)


@given(seed=SEEDS, upper=st.sampled_from([0.1, 0.3, 0.8]), by_cpu=st.booleans())
def test_room_finds_exactly_the_vms_that_fit_on_no_other_host(
    make_random, plan_of, seed, upper, by_cpu
):
    plan = plan_of(make_random(seed, 6, 25))
    rng = np.random.default_rng(seed)
    plan.memory_free_bytes[:] = rng.integers(0, 5, len(plan.on)) * 2**30
    targets = (rng.random(len(plan.on)) < 0.7) & plan.operational
    detector = StaticThreshold(upper=upper)
    limits = detector.cpu_limits(plan) if by_cpu else None
    vms = np.flatnonzero(plan.vm_host >= 0)

    no_memory, none = Room(plan, targets, limits).is_short(vms)

    for place, vm in enumerate(vms.tolist()):
        with_memory = targets & may_receive(plan, vm)
        with_both = with_memory & detector.fits(plan, vm) if by_cpu else with_memory
        assert no_memory[place] == (not with_memory.any())
        assert none[place] == (not with_both.any())
