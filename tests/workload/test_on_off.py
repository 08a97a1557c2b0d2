"""On/off processes as columns: stationary, Markov, and the same however they are asked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cluster_emu.workload.on_off import ExponentialOnOff, PeriodicOnOff

COUNT = 20_000
ON_S, OFF_S = 3.0, 1.0


def processes(count: int = COUNT, on_s: float = ON_S, off_s: float = OFF_S) -> ExponentialOnOff:
    keys = np.random.default_rng(1).integers(2**64, size=count, dtype=np.uint64)
    return ExponentialOnOff(keys, np.full(count, on_s), np.full(count, off_s))


def states(process: ExponentialOnOff, time_s: float) -> np.ndarray:
    return process.at(np.arange(COUNT), time_s)[0]


@pytest.mark.parametrize("lag_s", [0.01, 0.2, 0.75, 1.5, 5.0, 100.0])
def test_states_some_time_apart_are_related_as_in_a_two_state_markov_process(lag_s: float) -> None:
    process = processes()
    for first_s in (0.0, 0.4, 7.3, 1e6):
        first, later = states(process, first_s), states(process, first_s + lag_s)
        stays_on = 0.75 + 0.25 * math.exp(-(1 / ON_S + 1 / OFF_S) * lag_s)
        for found, wanted, count in (
            (first.mean(), 0.75, COUNT),
            (later[first].mean(), stays_on, first.sum()),
        ):
            spread = 5 * math.sqrt(wanted * (1 - wanted) / count) + 1e-9
            assert found == pytest.approx(wanted, abs=spread)


def test_three_times_have_no_memory_beyond_the_middle_one() -> None:
    process = processes()
    a, b, c = (states(process, time_s) for time_s in (10.0, 10.6, 11.4))
    for before in (a, ~a):
        given = b & before
        wanted = 0.75 + 0.25 * math.exp(-(1 / ON_S + 1 / OFF_S) * 0.8)
        spread = 5 * math.sqrt(wanted * (1 - wanted) / given.sum())
        assert c[given].mean() == pytest.approx(wanted, abs=spread)


def test_processes_are_independent_of_each_other() -> None:
    on = states(processes(), 4.0)
    pairs = (on[1:] == on[:-1]).mean()
    assert pairs == pytest.approx(0.75**2 + 0.25**2, abs=5 * 0.5 / math.sqrt(COUNT))


def test_following_one_process_agrees_with_looking_at_all() -> None:
    process = processes(50)
    rows = np.arange(50)
    for row in range(50):
        time_s = 0.0
        while time_s < 60.0:
            on, toggle_s = process.next_toggle(row, time_s)
            middle_s = (time_s + toggle_s) / 2
            for seen_s in (time_s, middle_s, math.nextafter(toggle_s, 0.0)):
                state, holds_until_s = process.at(rows, seen_s)
                assert state[row] == on
                assert seen_s < holds_until_s[row] <= toggle_s
            assert process.at(rows, toggle_s)[0][row] != on
            time_s = toggle_s


def test_a_state_that_hardly_ever_changes_is_followed_only_so_far() -> None:
    process = processes(1, on_s=0.01, off_s=1e12)
    on, until_s = process.next_toggle(0, 5.0)
    assert not on
    assert 50.0 < until_s < 1e4


def test_the_periods_of_fixed_times_begin_where_the_phase_says() -> None:
    process = PeriodicOnOff(np.array([0.0, 0.5]), np.array([2.0, 2.0]), np.array([6.0, 6.0]))
    assert process.next_toggle(0, 0.0) == (True, 2.0)
    assert process.next_toggle(0, 2.0) == (False, 8.0)
    assert process.next_toggle(1, 0.0) == (False, 4.0)
    assert process.next_toggle(1, 4.0) == (True, 6.0)
