"""Bursts and write intensity: right in distribution, and a function of time alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cluster_emu.rng import RandomStreams
from cluster_emu.traces import DemandTraces
from cluster_emu.traces.own import own_traces
from cluster_emu.workload import (
    Burst,
    BurstSchedule,
    ConstantDemand,
    Demand,
    IntensityPath,
    TraceDemand,
)
from cluster_emu.workload.mappings.affine import AffineMapping

EXPONENTIAL = Burst(on_s=2.0, off_s=6.0, level_off=0.05)
FIXED = Burst(on_s=2.0, off_s=6.0, level_off=0.05, durations="fixed")
MIXED = [EXPONENTIAL, None, FIXED, Burst(on_s=0.5, off_s=0.1, level_off=0.0), None]
OWN = own_traces()


def trace_demand(vm_count: int, traces: DemandTraces = OWN) -> Demand:
    return TraceDemand().build(vm_count, np.random.default_rng(1), traces)


def toggles(schedule: BurstSchedule, vm: int, until_s: float) -> list[float]:
    found = [schedule.next_toggle(vm, 0.0)]
    while found[-1] < until_s:
        found.append(schedule.next_toggle(vm, found[-1]))
    return found[:-1]


@given(times_s=st.lists(st.floats(0, 2000), min_size=1, max_size=12), vm=st.integers(0, 4))
@settings(deadline=None, max_examples=40)
def test_levels_depend_on_time_and_not_on_who_asked_before(times_s: list[float], vm: int) -> None:
    shared = BurstSchedule(MIXED, RandomStreams(5))
    for time_s in times_s:
        fresh = BurstSchedule(MIXED, RandomStreams(5))
        assert shared.next_toggle(vm, time_s) == fresh.next_toggle(vm, time_s)
        assert np.array_equal(shared.level_at(time_s), fresh.level_at(time_s))
        assert shared.level(vm, time_s) == shared.level_at(time_s)[vm]


@given(time_s=st.floats(0, 5000), share=st.floats(0, 1, exclude_max=True))
@settings(deadline=None, max_examples=80)
def test_levels_hold_until_the_time_that_is_given_for_them(time_s: float, share: float) -> None:
    schedule = BurstSchedule(MIXED, RandomStreams(7))
    levels = schedule.level_at(time_s)
    until_s = schedule.constant_until()
    assert until_s > time_s
    later_s = min(time_s + share * (until_s - time_s), math.nextafter(until_s, 0.0))
    assert np.array_equal(BurstSchedule(MIXED, RandomStreams(7)).level_at(later_s), levels)


def test_levels_without_bursts_hold_for_ever() -> None:
    schedule = BurstSchedule([None, None], RandomStreams(7))
    schedule.level_at(1.0)
    assert schedule.constant_until() == math.inf


@given(time_s=st.floats(0, 5000), vm=st.integers(0, 4))
@settings(deadline=None, max_examples=80)
def test_the_level_holds_until_the_next_toggle_and_changes_there(time_s: float, vm: int) -> None:
    schedule = BurstSchedule(MIXED, RandomStreams(7))
    toggle = schedule.next_toggle(vm, time_s)
    assert toggle > time_s
    if MIXED[vm] is None:
        assert toggle == math.inf
        assert schedule.level(vm, time_s) == 1.0
    else:
        assert schedule.level(vm, math.nextafter(toggle, 0.0)) == schedule.level(vm, time_s)
        assert schedule.level(vm, toggle) != schedule.level(vm, time_s)


def test_looking_far_back_gives_the_same_toggles_again() -> None:
    schedule = BurstSchedule([EXPONENTIAL], RandomStreams(1))
    first = toggles(schedule, 0, 50.0)
    schedule.level_at(1e5)
    assert toggles(schedule, 0, 50.0) == first


def test_each_vm_has_its_own_stream() -> None:
    alone = BurstSchedule([None, None, EXPONENTIAL], RandomStreams(1))
    among = BurstSchedule([EXPONENTIAL, FIXED, EXPONENTIAL, EXPONENTIAL], RandomStreams(1))
    assert toggles(alone, 2, 100.0) == toggles(among, 2, 100.0)
    assert toggles(among, 2, 100.0) != toggles(among, 3, 100.0)


def test_bursts_begin_in_equilibrium() -> None:
    count = 4000
    for burst in (EXPONENTIAL, FIXED):
        schedule = BurstSchedule([burst] * count, RandomStreams(11))
        for time_s in (0.0, 0.7, 31.0):
            in_burst = (schedule.level_at(time_s) == 1.0).mean()
            assert in_burst == pytest.approx(0.25, abs=5 * math.sqrt(0.25 * 0.75 / count))


def test_exponential_bursts_forget_at_the_rate_of_a_two_state_markov_process() -> None:
    count, later_s = 6000, 1.5
    schedule = BurstSchedule([EXPONENTIAL] * count, RandomStreams(12))
    now = schedule.level_at(3.0) == 1.0
    later = schedule.level_at(3.0 + later_s) == 1.0
    wanted = 0.25 + 0.75 * math.exp(-(1 / 2.0 + 1 / 6.0) * later_s)
    spread = 5 * math.sqrt(wanted * (1 - wanted) / now.sum())
    assert later[now].mean() == pytest.approx(wanted, abs=spread)


def test_exponential_lengths_have_their_means() -> None:
    schedule = BurstSchedule([EXPONENTIAL], RandomStreams(13))
    lengths_s = np.diff(toggles(schedule, 0, 40_000.0))
    starts_on = schedule.level(0, schedule.next_toggle(0, 0.0)) == 1.0
    on_s, off_s = lengths_s[not starts_on :: 2], lengths_s[starts_on::2]
    assert on_s.mean() == pytest.approx(2.0, rel=5 / math.sqrt(len(on_s)))
    assert off_s.mean() == pytest.approx(6.0, rel=5 / math.sqrt(len(off_s)))
    assert on_s.std() == pytest.approx(on_s.mean(), rel=0.1)


def test_fixed_lengths_repeat_from_a_random_phase() -> None:
    schedule = BurstSchedule([FIXED] * 20, RandomStreams(14))
    for vm in range(20):
        lengths_s = np.diff(toggles(schedule, vm, 2000.0))
        assert sorted(np.unique(lengths_s.round(6))) == [2.0, 6.0]
        assert np.all(lengths_s.round(6)[1:] != lengths_s.round(6)[:-1])
    assert np.ptp([schedule.next_toggle(vm, 0.0) for vm in range(20)]) > 1.0


@pytest.mark.parametrize(
    "parameters",
    [
        {"on_s": 0.0, "off_s": 1.0},
        {"on_s": 1.0, "off_s": math.inf},
        {"on_s": 1.0, "off_s": math.nan},
        {"on_s": 1.0, "off_s": 1.0, "level_off": -0.1},
        {"on_s": 1.0, "off_s": 1.0, "level": 0.1},
        {"on_s": 1.0},
    ],
)
def test_bad_bursts_are_refused(parameters: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Burst(**parameters)


def test_intensity_is_demand_times_burst_level() -> None:
    demand = ConstantDemand(0.5).build(3, np.random.default_rng(1), OWN)
    path = IntensityPath(
        demand, BurstSchedule([FIXED, None, FIXED], RandomStreams(2)), AffineMapping()
    )
    seen = {tuple(path.levels(time_s).round(6)) for time_s in np.arange(0.0, 16.0, 0.25)}
    assert {levels[1] for levels in seen} == {0.55}
    assert {levels[0] for levels in seen} == {0.55, 0.0275}
    assert path.assumptions[:-1] == demand.assumptions
    assert "Write intensity = 0.1 + 0.9 x CPU demand, times the burst" in path.assumptions[-1]


@given(time_s=st.floats(0, 1000), vm=st.integers(0, 4))
@settings(deadline=None, max_examples=60)
def test_an_intensity_path_is_constant_between_its_breakpoints(time_s: float, vm: int) -> None:
    path = IntensityPath(trace_demand(5), BurstSchedule(MIXED, RandomStreams(3)), AffineMapping())
    now, change = path.level(vm, time_s), path.next_change(vm, time_s)
    assert path.levels(time_s)[vm] == now
    assert change > time_s
    assert path.level(vm, math.nextafter(change, 0.0)) == now


def test_operational_time_does_not_depend_on_how_the_way_is_cut() -> None:
    def operational_s(cuts_s: np.ndarray) -> float:
        path = IntensityPath(
            trace_demand(5), BurstSchedule(MIXED, RandomStreams(3)), AffineMapping()
        )
        total, time_s = 0.0, 0.0
        for cut_s in cuts_s:
            while time_s < cut_s:
                until_s = min(path.next_change(0, time_s), cut_s)
                total += path.level(0, time_s) * (until_s - time_s)
                path.levels(until_s)
                time_s = until_s
        return total

    whole = operational_s(np.array([900.0]))
    assert operational_s(np.arange(0.1, 900.05, 0.1)) == pytest.approx(whole, rel=1e-12)
