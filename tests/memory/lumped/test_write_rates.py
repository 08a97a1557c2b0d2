"""The law by which pages are written where a working set moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.memory.lumped import HotSet, PageClasses
from cluster_emu.memory.lumped._kernels import first_write_time, hazard_rates
from cluster_emu.memory.lumped.write_rates import NO_FIRST_WRITERS, FirstWriters, WriteRates
from cluster_emu.workload.writes import MovingSet

PAGES = np.array([30, 70])
RATES = np.array([0.3, 0.0])
HOT = HotSet(pages=20, writes_per_page_s=2.0, period_s=3.0)
CLASSES = PageClasses(PAGES, RATES, hot=HOT)
LEFT_S = 1.0
TIMES = st.floats(0.0, 40.0)


BLOCKS = FirstWriters(single_sets=2, blocks=1, block_sets=3)


def write_rates(first_writers: FirstWriters = NO_FIRST_WRITERS) -> WriteRates:
    return WriteRates(CLASSES, LEFT_S, first_writers)


def test_members_are_written_more_while_the_set_lasts() -> None:
    hazard = write_rates().hazard_since(np.zeros(1), 0.7)[0]
    assert hazard == pytest.approx(np.tile(RATES * 0.7, 2) + np.repeat([0.0, 2.0 * 0.7], 2))
    assert write_rates().clean_chance(0.7) == pytest.approx(np.exp(-hazard))


@given(time=TIMES)
@settings(deadline=None, max_examples=40)
def test_unknown_sets_dirty_what_profiles_say(time: float) -> None:
    share = HOT.pages / CLASSES.page_count
    moving = MovingSet(share=share, writes_per_page_s=2.0, period_s=3.0)
    clean = 1.0 - moving.dirtied_share(np.array(time)) if time > 0 else 1.0
    found = write_rates().hazard_since(np.array([LEFT_S]), LEFT_S + time)[0]
    assert np.exp(-found) == pytest.approx(np.tile(np.exp(-RATES * time), 2) * clean)


def test_blocks_number_their_sets() -> None:
    assert BLOCKS.block_of_set.tolist() == [1, 2, 3, 3, 3]
    assert (BLOCKS.sets, BLOCKS.labels) == (5, 4)


@given(time=TIMES)
@settings(deadline=None, max_examples=60)
def test_the_mean_over_first_writers_is_what_is_left_to_chance(time: float) -> None:
    # a set leaves a page alone with u; a single set is its first writer with 1 - u, after those
    # before it left it alone, and the block of three sets with 1 - u^3
    share = HOT.pages / CLASSES.page_count
    alone = 1.0 - share + share * np.exp(-2.0 * 3.0)
    weight = np.array([alone**5, 1 - alone, alone * (1 - alone), alone**2 * (1 - alone**3)])
    chance = write_rates(BLOCKS).unwritten_chance(time).reshape(4, 4)
    assert weight @ chance == pytest.approx(write_rates().unwritten_chance(time))


@given(since=st.floats(0.0, 20.0), lasts=st.floats(0.0, 10.0))
@settings(deadline=None, max_examples=60)
def test_a_page_is_not_clean_before_its_first_writer_is_over(since: float, lasts: float) -> None:
    # the blocks of labels 1, 2 and 3 begin at 1, 4 and 7 s; the last one ends at 16 s
    chance = np.exp(-write_rates(BLOCKS).hazard_since(np.array([since]), since + lasts)[0])
    of_block = chance.reshape(4, 4)[:, 1]  # class of rate 0, not in the present set
    for label, (begins, ends) in enumerate([(1.0, 4.0), (4.0, 7.0), (7.0, 16.0)], start=1):
        if since + lasts <= begins:
            assert of_block[label] == 1.0
        elif since <= begins and since + lasts >= ends:
            assert of_block[label] < 1e-300
    if since + lasts <= 16.0:
        assert of_block[0] == 1.0


@given(
    blocks=st.sampled_from([NO_FIRST_WRITERS, BLOCKS]),
    thresholds=st.lists(st.floats(1e-3, 30.0), min_size=1, max_size=5),
    label=st.integers(0, 15),
)
@settings(deadline=None, max_examples=60)
def test_first_writes_come_when_the_hazard_reaches_their_thresholds(
    blocks: FirstWriters, thresholds: list[float], label: int
) -> None:
    rates = write_rates(blocks)
    label %= len(rates.per_page_s)
    for threshold in thresholds:
        time = first_write_time(rates.per_page_s, rates.law, label, threshold)
        before, at = (
            rates.hazard_since(np.zeros(1), when)[0, label] for when in (time - 1e-9, time + 1e-9)
        )
        assert before - 1e-6 <= threshold <= at + 1e-6


@pytest.mark.parametrize("blocks", [NO_FIRST_WRITERS, BLOCKS])
@pytest.mark.parametrize("time", [0.2, 1.7, 5.0, 10.5, 20.1])
def test_hazard_rates_are_the_slopes_of_cumulative_hazards(
    blocks: FirstWriters, time: float
) -> None:
    rates, step_s = write_rates(blocks), 1e-5
    found = np.empty(len(rates.per_page_s))
    hazard_rates(rates.per_page_s, rates.law, time, found)
    around = [rates.hazard_since(np.zeros(1), time + way * step_s)[0] for way in (-1, 1)]
    may_be_clean = around[1] < 600.0
    slopes = (around[1] - around[0]) / (2 * step_s)
    assert found[may_be_clean] == pytest.approx(slopes[may_be_clean], abs=1e-6, rel=1e-4)


def test_a_page_that_nothing_writes_is_never_written() -> None:
    still = WriteRates(PageClasses(PAGES, RATES))
    assert first_write_time(still.per_page_s, still.law, 1, 1.0) == np.inf
    assert still.clean_chance(5.0) == pytest.approx(np.exp(-RATES * 5.0))
    assert still.is_smooth_until(1e9)
    assert not write_rates().is_smooth_until(LEFT_S + 0.1)
