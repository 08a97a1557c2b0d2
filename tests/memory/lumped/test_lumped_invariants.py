"""What holds for every draw: pages are conserved, however rates change and rounds are cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.encoding import Encoding
from cluster_emu.memory.base import FaultCosts, RoundCounts
from cluster_emu.memory.lumped import HotSet, PageClasses
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.strategies import Qemu, Strategy, strategies

WIRE = 100.0
LIVE = sorted(set(strategies.names()) - {"post-copy", "stop-and-copy"})
RATES = np.array([0.0, 0.02, 1.0, 30.0])


HOT = st.sampled_from([None, (0.1, 3.0, 1e3), (0.5, 0.2, 0.7), (1.0, 8.0, 0.01)])
"""Moving sets: share, writes per page and second, period."""


def engine(
    strategy: Strategy,
    pages: list[int],
    seed: int,
    hot: tuple[float, float, float] | None = None,
    **more: int | bool,
) -> LumpedEngine:
    classes = PageClasses(np.array(pages), RATES[: len(pages)])
    if hot is not None:
        share, rate, period_s = hot
        hot_set = HotSet(max(1, round(share * sum(pages))), rate, period_s)
        classes = replace(classes, hot=hot_set)
    return LumpedEngine(classes, strategy, Encoding(WIRE), np.random.default_rng(seed), **more)


def random_round(memory: LumpedEngine, rng: np.random.Generator) -> RoundCounts:
    """Run a round with rates, intensities, stalls and cuts drawn at random."""
    memory.begin_round()
    while True:
        time_per_byte = float(rng.choice([0.0, 1e-5, 1e-3])) / WIRE
        threshold_bytes = float(rng.choice([0.0, 200 * WIRE])) if rng.random() < 0.3 else 0.0
        left = memory.plan(time_per_byte, threshold_bytes)
        action = rng.random()
        if action < 0.15:
            left = memory.cut_short()
        assert left >= 0
        assert 0 <= memory.bytes_waiting <= memory.round_sizes.total_bytes + 1e-6
        if (memory.end_is_known and action < 0.6) or action < 0.15:
            return memory.end_round(left * time_per_byte)
        part = left * float(rng.choice([0.3, 1.0])) if memory.end_is_known else left
        memory.advance(part, part * time_per_byte)
        if rng.random() < 0.2:
            memory.advance(0.0, float(rng.choice([0.01, 1.0])))


def members(memory: LumpedEngine) -> int:
    """Pages in the present moving set."""
    groups = memory._groups.records
    return int(groups["pages"][groups["write_class"] >= len(memory._classes.pages)].sum())


def most_members(memory: LumpedEngine) -> int:
    assert memory._classes.hot is not None
    return memory._classes.hot.pages


def least_members(memory: LumpedEngine, absent_pages: int) -> int:
    return most_members(memory) - absent_pages


@given(
    name=st.sampled_from(LIVE),
    pages=st.lists(st.sampled_from([0, 1, 7, 400, 20_000]), min_size=1, max_size=4),
    hot=HOT,
    absent=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 2**32),
)
@settings(deadline=None, max_examples=60)
def test_no_page_is_lost(
    name: str,
    pages: list[int],
    hot: tuple[float, float, float] | None,
    absent: float,
    seed: int,
) -> None:
    if not sum(pages):
        return
    rng = np.random.default_rng(seed)
    absent_pages = int(absent * sum(pages))
    memory = engine(strategies.create(name), pages, seed, hot, absent_pages=absent_pages)
    memory.warm(2, 0.1)
    for number in range(1, 7):
        stale = memory.stale_pages
        counts = random_round(memory, rng)
        assert memory.round_number == number
        done = counts.sent + counts.skipped + counts.deferred + counts.unvisited
        assert counts.due == done <= stale
        assert counts.bytes_sent == pytest.approx(counts.sent * WIRE, abs=2 * WIRE + 1e-6)
        assert counts.dirtied <= memory.page_count
        assert stale - counts.sent <= memory.stale_pages <= stale - counts.sent + counts.dirtied
        assert int(memory._groups.records["pages"].sum()) == memory.page_count - absent_pages
        if hot is not None:
            assert least_members(memory, absent_pages) <= members(memory) <= most_members(memory)
        if rng.random() < 0.3:
            memory.wait(0.05)
    memory.hand_over()
    assert memory.stale_pages == 0


def test_the_same_stream_gives_the_same_migration() -> None:
    first, second = (
        [random_round(one, np.random.default_rng(3)) for _ in range(4)]
        for one in (engine(Qemu(), [9_000, 5_000, 50], 5) for _ in range(2))
    )
    assert first == second


def test_ballooned_pages_are_never_sent() -> None:
    memory = engine(strategies.create("hybrid"), [3_000, 3_000], 1, absent_pages=2_500)
    assert memory.page_count == 6_000
    assert memory.stale_pages == 3_500


def test_post_copy_fetches_every_stale_page_once() -> None:
    memory = engine(strategies.create("hybrid"), [3_000, 3_000, 500], 1)
    memory.begin_round()
    memory.end_round(memory.plan(1e-3 / WIRE) * 1e-3 / WIRE)
    stale = memory.stale_pages
    missing = memory.post_copy(FaultCosts(1e-4, 0, 4.0), bubbling=True, pivots=1)
    assert missing.sizes.count == stale
    assert missing.bytes_left == stale * WIRE
    missing.advance(stale / 1_000.0, 1_000.0 * WIRE, 1.0)
    missing.finish()
    assert missing.pages_arrived == stale
    assert missing.faults > 0
