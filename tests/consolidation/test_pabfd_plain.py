"""Power-aware best fit decides as its plain form does, which computes all powers each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation import Move, Plan, TriggerReport
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import PowerAwareBestFitDecreasing
from cluster_emu.consolidation.placement.scorers.least_power_rise import SAME_WATTS
from cluster_emu.consolidation.triggers import Consolidation, Drain, LoadBalance
from cluster_emu.consolidation.underload import LeastUtilised
from cluster_emu.metrics.power import LinearPower, PowerColumns, SpecPower
from tests._support.no_draws import NO_DRAWS

MODELS = (SpecPower("dell-r720"), SpecPower("hp-ml110-g5"), LinearPower(100.0, 200.0))


def power_at(plan: Plan, utilisation: FloatColumn) -> FloatColumn:
    """Return the power of every host if it is on."""
    return plan.watts(np.clip(utilisation, 0.0, 1.0))


class Plain(PowerAwareBestFitDecreasing):
    """The same rule over all hosts, nothing remembered."""

    def choose(self, view: Plan, vm: int, allowed: np.ndarray, rng: object) -> int:
        """Return the host whose power rises least, a switched-on one if there is any."""
        on = allowed & view.on
        pool = allowed if self.wake and not on.any() else on
        if not pool.any():
            return -1
        capacity = view.state.hosts.cpu_capacity
        before = np.where(view.on, power_at(view, view.cpu_demand / capacity), 0.0)
        with_it = power_at(view, (view.cpu_demand + view.vm_cpu_demand[vm]) / capacity)
        rise = with_it - before
        return int(np.argmax(pool & (rise <= rise[pool].min() + SAME_WATTS)))


@pytest.mark.parametrize(
    "trigger",
    [
        Consolidation(overload=StaticThreshold(upper=0.4)),
        Consolidation(underload=LeastUtilised(below=0.5)),
        LoadBalance(spread=0.05),
        Drain(hosts=(0, 1)),
    ],
    ids=lambda trigger: trigger.name,
)
@given(seed=st.integers(0, 2**32 - 1), kinds=st.integers(1, len(MODELS)), wake=st.booleans())
def test_the_same_moves_as_by_the_plain_form(make_random, trigger, seed, kinds, wake):
    def moves(placement: PowerAwareBestFitDecreasing) -> tuple[list[Move], TriggerReport]:
        state = make_random(seed)
        numbers = np.random.default_rng(seed).integers(kinds, size=state.host_count)
        power = PowerColumns([MODELS[number] for number in numbers])
        return replace(trigger, placement=placement).moves(
            Plan.of(state, power.watts_if_on), NO_DRAWS
        )

    assert moves(PowerAwareBestFitDecreasing(wake=wake)) == moves(Plain(wake=wake))
