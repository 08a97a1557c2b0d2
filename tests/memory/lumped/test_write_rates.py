"""The law by which pages are written where a working set moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.memory.lumped import HotSet, PageClasses
from cluster_emu.memory.lumped._kernels import first_write_times, hazard_rates
from cluster_emu.memory.lumped.write_rates import WriteRates
from cluster_emu.workload.writes import MovingSet

PAGES = np.array([30, 70])
RATES = np.array([0.3, 0.0])
HOT = HotSet(pages=20, writes_per_page_s=2.0, period_s=3.0)
CLASSES = PageClasses(PAGES, RATES, hot=HOT)
LEFT_S = 1.0
TIMES = st.floats(0.0, 40.0)


def write_rates(known: int, left_s: float = LEFT_S) -> WriteRates:
    return WriteRates(CLASSES, left_s, known)


def test_members_are_written_more_while_their_sets_last() -> None:
    # sets of which a page of label 2 b + class is a member, by the bits of b: to 1 s, to 4 s
    hazard = write_rates(2).hazard_since(np.zeros(1), 2.5)[0]
    of_class = np.tile(RATES * 2.5, 4)
    of_sets = np.repeat([0.0, 2.0 * 1.0, 2.0 * 1.5, 2.0 * 2.5], 2)
    assert hazard == pytest.approx(of_class + of_sets)
    assert write_rates(2).clean_chance(2.5) == pytest.approx(np.exp(-hazard))


@given(time=TIMES)
@settings(deadline=None, max_examples=40)
def test_sets_with_unknown_members_dirty_what_profiles_say(time: float) -> None:
    share = HOT.pages / CLASSES.page_count
    moving = MovingSet(share=share, writes_per_page_s=2.0, period_s=3.0)
    clean = 1.0 - moving.dirtied_share(np.array(time)) if time > 0 else 1.0
    found = write_rates(1).hazard_since(np.array([LEFT_S]), LEFT_S + time)[0]
    assert np.exp(-found) == pytest.approx(np.tile(np.exp(-RATES * time), 2) * clean)


@given(time=TIMES, known=st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_the_mean_over_members_is_what_is_left_to_chance(time: float, known: int) -> None:
    share = HOT.pages / CLASSES.page_count
    bits = np.arange(1 << known)
    ahead = np.array([bin(each >> 1).count("1") for each in bits])
    weight = share**ahead * (1.0 - share) ** (known - 1 - ahead)
    chance = write_rates(known).unwritten_chance(time).reshape(-1, 2)
    for member in (0, 1):
        here = bits & 1 == member
        mean = weight[here] @ chance[here]
        assert mean == pytest.approx(write_rates(1).unwritten_chance(time).reshape(-1, 2)[member])


@given(
    known=st.integers(1, 3),
    thresholds=st.lists(st.floats(1e-3, 30.0), min_size=1, max_size=5),
    label=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_first_writes_come_when_the_hazard_reaches_their_thresholds(
    known: int, thresholds: list[float], label: int
) -> None:
    rates = write_rates(known)
    labels = np.full(len(thresholds), label)
    times = first_write_times(rates.per_page_s, rates.law, labels, np.array(thresholds))
    for threshold, time in zip(thresholds, times, strict=True):
        assert rates.hazard_since(np.zeros(1), time)[0, label] == pytest.approx(threshold, rel=1e-6)


@pytest.mark.parametrize("known", [1, 3])
@pytest.mark.parametrize("time", [0.2, 1.7, 5.0, 20.1])
def test_hazard_rates_are_the_slopes_of_cumulative_hazards(known: int, time: float) -> None:
    rates, step_s = write_rates(known), 1e-5
    found = np.empty(len(rates.per_page_s))
    hazard_rates(rates.per_page_s, rates.law, time, found)
    around = [rates.hazard_since(np.zeros(1), time + way * step_s)[0] for way in (-1, 1)]
    assert found == pytest.approx((around[1] - around[0]) / (2 * step_s), abs=1e-6)


def test_a_page_that_nothing_writes_is_never_written() -> None:
    still = WriteRates(PageClasses(PAGES, RATES))
    first = first_write_times(still.per_page_s, still.law, np.array([1]), np.ones(1))
    assert first.tolist() == [np.inf]
    assert still.clean_chance(5.0) == pytest.approx(np.exp(-RATES * 5.0))
    assert still.is_smooth_until(1e9)
    assert not write_rates(1).is_smooth_until(LEFT_S + 0.1)
