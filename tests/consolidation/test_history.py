from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation import (
    ClusterView,
    OverloadDetector,
    Plan,
    UtilisationHistory,
)
from cluster_emu.consolidation.contract import longest_history
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import FilterScheduler
from cluster_emu.consolidation.placement.filters import NotOverloaded
from cluster_emu.consolidation.triggers import Consolidation, Drain, LoadBalance
from tests.consolidation.conftest import linear_watts


class Peak(OverloadDetector):
    """As high as the host ever was."""

    asked = 0

    @property
    def history_length(self) -> int:
        return 3

    def thresholds(self, view: ClusterView) -> FloatColumn:
        self.asked += 1
        return view.history.hosts.max(axis=0)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_the_last_instants_are_kept_oldest_first(make_state, vm, length):
    state = make_state([4, 2], [8, 8], [vm(0, 0.0), vm(1, 0.0)])
    history = UtilisationHistory(length, state)
    for instant in range(12):
        assert len(history) == min(instant, length)
        assert history.vms[:, 0].tolist() == [i / 16 for i in range(instant)][-length:]
        assert history.hosts[:, 0].tolist() == [i / 64 for i in range(instant)][-length:]
        assert history.hosts[:, 1].tolist() == [i / 8 for i in range(instant)][-length:]
        state.set_demand(np.array([instant / 16, instant / 4]), 0.0)
        history.record()


def test_a_host_counts_what_its_running_vms_want(make_state, vm):
    state = make_state([4, 2], [8, 8], [vm(0, 3.0), vm(0, 2.0), vm(1, 1.0)])
    state.take_down([2], 0.0)
    history = UtilisationHistory(2, state)
    history.record()
    assert history.hosts.tolist() == [[1.25, 0.0]]


def test_nothing_is_kept_where_no_policy_asks(make_state, vm):
    state = make_state([4, 2], [8, 8], [vm(0, 3.0)])
    history = UtilisationHistory(0, state)
    history.record()
    assert history.hosts.shape == (0, 2)
    assert history.vms.shape == (0, 1)
    assert Plan.of(state, linear_watts).utilisation_history.shape == (0, 2)


def test_the_history_of_a_host_follows_its_vms(make_state, vm):
    state = make_state([4, 2], [8, 8], [vm(0, 1.0), vm(0, 2.0, target=1)])
    history = UtilisationHistory(2, state)
    history.record()
    state.set_demand(np.array([0.5, 1.0]), 0.0)
    history.record()
    plan = Plan.of(state, linear_watts, history=history)
    assert history.hosts.tolist() == [[0.75, 0.0], [0.375, 0.0]]
    assert plan.utilisation_history.tolist() == [[0.25, 1.0], [0.125, 0.5]]


def test_a_trigger_asks_for_the_longest_history_of_its_policies():
    assert longest_history([]) == 0
    assert longest_history([Consolidation(), Drain(hosts=(0,)), LoadBalance()]) == 0
    placement = FilterScheduler(filters=(NotOverloaded(overload=Peak()),))
    assert longest_history([StaticThreshold(), Peak()]) == 3
    assert placement.history_length == 3
    assert Consolidation(overload=Peak()).history_length == 3
    assert Drain(hosts=(0,), placement=placement).history_length == 3
    assert LoadBalance(placement=placement).history_length == 3


def test_overload_follows_from_thresholds_that_are_set_once(make_state, vm):
    state = make_state([4, 2], [8, 8], [vm(0, 2.0), vm(1, 1.0), vm(0, 0.5)])
    history = UtilisationHistory(3, state)
    state.set_demand(np.array([1.0, 1.0, 1.0]), 0.0)
    history.record()
    state.set_demand(np.array([2.0, 1.5, 0.5]), 0.0)
    plan = Plan.of(state, linear_watts, history=history)
    peak = Peak()
    # Both hosts were at one half; now host 0 wants 2.5 of 4, host 1 wants 1.5 of 2.
    assert peak.overloaded(plan).tolist() == [True, True]
    plan.lift(0)
    assert peak.overloaded(plan).tolist() == [False, True]
    assert [peak.is_overloaded(plan, host) for host in (0, 1)] == [False, True]
    assert peak.fits(plan, 1).tolist() == [True, False]
    assert np.array_equal(peak.fits(plan, 2), [True, False])
    assert peak.asked == 1
    assert peak.overloaded(Plan.of(state, linear_watts, history=history)).any()
    assert peak.asked == 2
