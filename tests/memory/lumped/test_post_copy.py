"""The lumped push against the pages engine's, and what holds for every push."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from cluster_emu.encoding import Encoding, PageSizes
from cluster_emu.memory.base import FaultCosts, PostCopyMemory
from cluster_emu.memory.dirtying.processes import (
    ClassWrites,
    MovingWrites,
    PageWriter,
    WriteProcess,
)
from cluster_emu.memory.lumped import HotSet, PageClasses
from cluster_emu.memory.lumped.draws import MeanDraws, RandomDraws
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.lumped.post_copy import LumpedPostCopy
from cluster_emu.memory.pages.post_copy import PostCopyEngine
from cluster_emu.strategies import Hybrid

PAGE_BYTES = 100.0
PAGES = np.array([200, 1_500, 2_300])
RATES = np.array([3.0, 0.1, 0.0])
COSTS = FaultCosts(round_trip_s=2e-3, queued_pages=2, touches_per_write=2.0)
SEEDS = 80
STEADY = [(1.0, 1.0)]
CHANGING = [(0.3, 1.0), (0.0, 0.7), (3.0, 0.0), (0.2, 0.4), (1.0, 2.0)]
"""Rates, as shares of the link's, and intensities, which alternate every 0.4 s."""


def push(engine: PostCopyMemory, schedule: list[tuple[float, float]]) -> tuple[int, float]:
    """Push everything at 1,000 pages a second; return faults and stalls."""
    number = 0
    while engine.bytes_left > 1e-6:
        share, intensity = schedule[number % len(schedule)]
        rate = share * 1_000 * PAGE_BYTES
        needs_s = engine.bytes_left / rate if rate > 0 else np.inf
        engine.advance(min(0.4, needs_s), rate, intensity)
        number += 1
    engine.finish()
    return engine.faults, engine.stall_s


HOT = HotSet(pages=400, writes_per_page_s=2.0, period_s=1.7)
"""A moving set, of which touches, twice as frequent, see one every 0.85 s."""


def pages_push(seed: int, *, moves: bool = False) -> PostCopyEngine:
    rng = np.random.default_rng(seed)
    page_class = rng.permutation(np.repeat(np.arange(len(PAGES)), PAGES))
    groups = [(np.flatnonzero(page_class == number), RATES[number]) for number in (0, 1)]
    count = int(PAGES.sum())
    processes: list[WriteProcess] = [ClassWrites(groups, count, rng)]
    if moves:
        processes.append(
            MovingWrites(
                count,
                HOT.pages,
                HOT.writes_per_page_s,
                HOT.period_s,
                rng.random() * HOT.period_s,
                lambda number: np.random.default_rng([seed, number]),
                rng,
            )
        )
    return PostCopyEngine(
        np.arange(count),
        PageWriter(count, processes),
        PageSizes(count, PAGE_BYTES),
        COSTS,
        bubbling=True,
        pivots=1,
        now=0.0,
        next_round=1,
    )


def lumped_push(seed: int) -> LumpedPostCopy:
    draws = RandomDraws(np.random.default_rng([seed, 7]))
    return LumpedPostCopy(PAGES, RATES, PAGE_BYTES, COSTS, draws)


def moving_push(seed: int, *, mean_field: bool = False) -> PostCopyMemory:
    memory = LumpedEngine(
        PageClasses(PAGES, RATES, hot=HOT),
        Hybrid(),
        Encoding(PAGE_BYTES),
        np.random.default_rng([seed, 7]),
        mean_field=mean_field,
    )
    return memory.post_copy(COSTS, bubbling=True, pivots=1)


@pytest.mark.parametrize("schedule", [STEADY, CHANGING], ids=["steady", "changing"])
def test_faults_and_stalls_are_those_of_pages(schedule: list[tuple[float, float]]) -> None:
    # two Kolmogorov-Smirnov tests at 0.1 % each, means at four and a half standard errors
    pages = np.array([push(pages_push(seed), schedule) for seed in range(SEEDS)])
    lumped = np.array([push(lumped_push(seed), schedule) for seed in range(SEEDS)])
    for measure in (0, 1):
        assert ks_2samp(pages[:, measure], lumped[:, measure]).pvalue > 1e-3
        error = np.sqrt((pages[:, measure].var() + lumped[:, measure].var()) / SEEDS)
        assert abs(pages[:, measure].mean() - lumped[:, measure].mean()) < 4.5 * error
    mean = push(LumpedPostCopy(PAGES, RATES, PAGE_BYTES, COSTS, MeanDraws()), schedule)
    assert mean == pytest.approx(lumped.mean(axis=0), rel=0.03)


@pytest.mark.parametrize("schedule", [STEADY, CHANGING], ids=["steady", "changing"])
def test_so_they_are_where_a_working_set_moves(schedule: list[tuple[float, float]]) -> None:
    # as above; at a steady rate the set makes 160 faults more, that it moves 40 of them: 25 of
    # their standard errors
    pages = np.array([push(pages_push(seed, moves=True), schedule) for seed in range(SEEDS)])
    lumped = np.array([push(moving_push(seed), schedule) for seed in range(SEEDS)])
    for measure in (0, 1):
        assert ks_2samp(pages[:, measure], lumped[:, measure]).pvalue > 1e-3
        error = np.sqrt((pages[:, measure].var() + lumped[:, measure].var()) / SEEDS)
        assert abs(pages[:, measure].mean() - lumped[:, measure].mean()) < 4.5 * error
    mean = push(moving_push(0, mean_field=True), schedule)
    assert mean == pytest.approx(lumped.mean(axis=0), rel=0.03)


@pytest.mark.parametrize("processors", [1, 4])
@pytest.mark.parametrize(
    ("pages", "rates", "round_trip_s", "queued_pages", "seeds"),
    [
        ([64], [3.0], 0.0, 0, 500),
        ([64], [3.0], 0.02, 2, 500),
        ([50, 150], [5.0, 0.5], 0.0, 0, 500),
        ([200, 800], [3.0, 0.2], 0.002, 0, 150),
    ],
    ids=["hot", "hot-and-far", "two-classes", "thousand"],
)
def test_few_pages_have_the_mean_and_the_spread_of_pages(
    pages: list[int],
    rates: list[float],
    round_trip_s: float,
    queued_pages: int,
    seeds: int,
    processors: int,
) -> None:
    # Means at four and a half standard errors, standard deviations within four and a half standard
    # errors of their ratio: 32 comparisons, false alarms in 2e-4 of all choices of seeds. The link
    # sends all pages in a second.
    costs = FaultCosts(round_trip_s, queued_pages, 1.0, processors)
    count = sum(pages)

    def by_page(seed: int) -> PostCopyEngine:
        rng = np.random.default_rng(seed)
        page_class = rng.permutation(np.repeat(np.arange(len(pages)), pages))
        groups = [(np.flatnonzero(page_class == n), rate) for n, rate in enumerate(rates)]
        return PostCopyEngine(
            np.arange(count),
            PageWriter(count, [ClassWrites(groups, count, rng)]),
            PageSizes(count, PAGE_BYTES),
            costs,
            bubbling=True,
            pivots=1,
            now=0.0,
            next_round=1,
        )

    def in_counts(seed: int) -> LumpedPostCopy:
        draws = RandomDraws(np.random.default_rng([seed, 7]))
        return LumpedPostCopy(np.array(pages), np.array(rates), PAGE_BYTES, costs, draws)

    schedule = [(count / 1_000, 1.0)]
    exact = np.array([push(by_page(seed), schedule) for seed in range(seeds)])
    lumped = np.array([push(in_counts(seed), schedule) for seed in range(seeds)])
    for measure in (0, 1):
        error = np.sqrt((exact[:, measure].var() + lumped[:, measure].var()) / seeds)
        assert abs(exact[:, measure].mean() - lumped[:, measure].mean()) < 4.5 * error
        spread = np.log(lumped[:, measure].std() / exact[:, measure].std())
        assert abs(spread) < 4.5 / np.sqrt(seeds)


@pytest.mark.parametrize("round_trip_s", [0.0, 0.02])
def test_more_processors_fault_more_often_and_lose_less(round_trip_s: float) -> None:
    found = []
    for processors in (1, 2, 8):
        costs = FaultCosts(round_trip_s, 0, 2.0, processors)
        draws = RandomDraws(np.random.default_rng(1))
        found.append(push(LumpedPostCopy(PAGES, RATES, PAGE_BYTES, costs, draws), STEADY))
    faults, stalls = zip(*found, strict=True)
    assert faults[0] < faults[1] < faults[2]
    assert stalls[0] > 1.2 * stalls[1] > 1.2 * 1.2 * stalls[2]


@given(
    pages=st.lists(st.sampled_from([0, 1, 5, 3_000]), min_size=3, max_size=3),
    schedule=st.lists(
        st.tuples(st.sampled_from([0.01, 1.0, 5.0]), st.sampled_from([0.0, 0.5, 1.0])),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 1000),
    is_mean=st.booleans(),
    processors=st.sampled_from([1, 3]),
)
@settings(deadline=None, max_examples=60)
def test_every_page_crosses_the_wire_once(
    pages: list[int],
    schedule: list[tuple[float, float]],
    seed: int,
    is_mean: bool,
    processors: int,
) -> None:
    draws = MeanDraws() if is_mean else RandomDraws(np.random.default_rng(seed))
    costs = replace(COSTS, processors=processors)
    engine = LumpedPostCopy(np.array(pages), RATES, PAGE_BYTES, costs, draws)
    total_bytes = sum(pages) * PAGE_BYTES
    for share, intensity in schedule:
        rate = share * 1_000 * PAGE_BYTES
        engine.advance(min(0.2, engine.bytes_left / rate), rate, intensity)
        assert engine.bytes_left == pytest.approx(total_bytes - engine.bytes_sent, abs=1e-6)
        assert 0 <= engine.pages_arrived <= engine.bytes_sent / PAGE_BYTES + 1e-6
        assert engine.faults <= sum(pages)
    push(engine, [(1.0, 1.0)])
    assert engine.bytes_left == 0
    assert engine.bytes_sent == pytest.approx(total_bytes)
    assert engine.pages_arrived == engine.sizes.count == sum(pages)


def test_a_link_that_is_down_blocks_the_vm_but_breaks_nothing() -> None:
    engine = lumped_push(1)
    engine.advance(10.0, 0.0, 1.0)
    assert engine.faults == 1
    assert engine.stall_s == pytest.approx(10.0, abs=0.1)
    assert engine.bytes_left == PAGES.sum() * PAGE_BYTES


def test_a_paused_vm_touches_nothing() -> None:
    engine = lumped_push(1)
    engine.advance(1.0, 1_000 * PAGE_BYTES, 0.0)
    assert (engine.faults, engine.stall_s) == (0, 0.0)
