"""The law by which pages are written where a working set moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.memory.lumped import HotSet, PageClasses
from cluster_emu.memory.lumped.writing import Writing, add_up_falls
from cluster_emu.workload.writes import MovingSet

PAGES = np.array([30, 70])
RATES = np.array([0.3, 0.0])
HOT = HotSet(pages=20, writes_per_page_s=2.0, period_s=3.0)
CLASSES = PageClasses(PAGES, RATES, hot=HOT)
LEFT_S = 1.0
TIMES = st.floats(0.0, 40.0)


def writing(known: int, left_s: float = LEFT_S) -> Writing:
    return Writing.of(CLASSES, left_s, known)


def test_members_are_written_more_while_their_sets_last() -> None:
    # sets of which a page of label 2 b + class is a member, by the bits of b: to 1 s, to 4 s
    expected = writing(2).expected(np.zeros(1), 2.5)[0]
    of_class = np.tile(RATES * 2.5, 4)
    of_sets = np.repeat([0.0, 2.0 * 1.0, 2.0 * 1.5, 2.0 * 2.5], 2)
    assert expected == pytest.approx(of_class + of_sets)
    assert writing(2).clean_chance(2.5) == pytest.approx(np.exp(-expected))


@given(time=TIMES)
@settings(deadline=None, max_examples=40)
def test_sets_with_unknown_members_dirty_what_profiles_say(time: float) -> None:
    share = HOT.pages / CLASSES.page_count
    moving = MovingSet(share=share, writes_per_page_s=2.0, period_s=3.0)
    clean = 1.0 - moving.dirtied_share(np.array(time)) if time > 0 else 1.0
    found = writing(1).expected(np.array([LEFT_S]), LEFT_S + time)[0]
    assert np.exp(-found) == pytest.approx(np.tile(np.exp(-RATES * time), 2) * clean)


@given(time=TIMES, known=st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_the_mean_over_members_is_what_is_left_to_chance(time: float, known: int) -> None:
    share = HOT.pages / CLASSES.page_count
    bits = np.arange(1 << known)
    ahead = np.array([bin(each >> 1).count("1") for each in bits])
    weight = share**ahead * (1.0 - share) ** (known - 1 - ahead)
    chance = writing(known).unwritten_chance(time).reshape(-1, 2)
    for member in (0, 1):
        here = bits & 1 == member
        mean = weight[here] @ chance[here]
        assert mean == pytest.approx(writing(1).unwritten_chance(time).reshape(-1, 2)[member])


@given(
    known=st.integers(1, 3),
    levels=st.lists(st.floats(1e-3, 30.0), min_size=1, max_size=5),
    label=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_first_writes_come_when_their_level_is_reached(
    known: int, levels: list[float], label: int
) -> None:
    law = writing(known)
    labels = np.full(len(levels), label)
    times = law.first_writes(labels, np.array(levels))
    for level, time in zip(levels, times, strict=True):
        assert law.expected(np.zeros(1), time)[0, label] == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize("known", [1, 3])
@pytest.mark.parametrize("time", [0.2, 1.7, 5.0, 20.1])
def test_falls_are_the_slopes_of_expected_writes(known: int, time: float) -> None:
    law, step_s = writing(known), 1e-5
    falls = np.empty(len(law.rates))
    add_up_falls(law.rates, law.sets, time, falls)
    around = [law.expected(np.zeros(1), time + way * step_s)[0] for way in (-1, 1)]
    assert falls == pytest.approx((around[1] - around[0]) / (2 * step_s), abs=1e-6)


def test_a_page_that_nothing_writes_is_never_written() -> None:
    still = Writing.of(PageClasses(PAGES, RATES), 0.0, 0)
    assert still.first_writes(np.array([1]), np.ones(1)).tolist() == [np.inf]
    assert still.clean_chance(5.0) == pytest.approx(np.exp(-RATES * 5.0))
    assert still.is_smooth_until(1e9)
    assert not writing(1).is_smooth_until(LEFT_S + 0.1)
