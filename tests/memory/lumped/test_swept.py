"""Swept memory in segments has the outcomes of the pages engine, page by page and bit by bit."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cluster_emu.encoding import Encoding
from cluster_emu.memory.base import MemoryEngine, RoundCounts
from cluster_emu.memory.dirtying.processes import PageWriter, SweepWrites
from cluster_emu.memory.lumped.swept import SweptEngine
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.strategies import Strategy, strategies

PAGE_BYTES, HEADER_BYTES = 4096, 8
LIVE = sorted(set(strategies.names()) - {"post-copy", "stop-and-copy", "qemu"})
VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in LIVE),
    ("xen-legacy", {"peek_batch_pages": 7}),
    ("history-majority", {"to_send": "literal", "history": 4}),
    ("history-majority", {"first_round": "full", "history": 3}),
    ("time-series", {"threshold": 4, "sticky_last": True}),
    ("matrix-bitmap", {"peeks": 4, "theta": 1}),
    ("qemu", {"clear_granularity": "round"}),
    ("qemu", {"clear_granularity": "page"}),
    ("qemu", {"clear_granularity": "chunk", "chunk_pages": 37}),
]


def engines(
    pages: int, region: int, first: int, speed: float, offset: float, strategy: Strategy
) -> tuple[PagesEngine, SweptEngine]:
    def writer() -> PageWriter:
        return PageWriter(pages, [SweepWrites(first, region, speed, offset)])

    encoding = Encoding(PAGE_BYTES, HEADER_BYTES)
    return PagesEngine(writer(), strategy, encoding), SweptEngine(writer(), strategy, encoding)


def random_round(memory: MemoryEngine, rng: np.random.Generator, per_page_s: float) -> RoundCounts:
    """Run a round with rates, intensities, stalls and cuts drawn at random."""
    memory.begin_round()
    while True:
        time_per_byte = per_page_s / PAGE_BYTES * float(rng.choice([0.0, 0.3, 1.0, 1.7]))
        threshold = float(rng.choice([0.0, 20.0 * PAGE_BYTES]))
        left = memory.plan(time_per_byte, threshold)
        action = rng.random()
        if action < 0.1:
            left = memory.cut_short()
        if action < 0.6:
            return memory.end_round(left * time_per_byte)
        part = left * float(rng.choice([0.2, 0.5, 0.9]))
        memory.advance(part, part * time_per_byte)
        if rng.random() < 0.2:
            memory.advance(0.0, float(rng.random()))


def state(memory: PagesEngine | SweptEngine) -> tuple[object, ...]:
    return (
        memory.now,
        memory.round_number,
        memory.stale_pages,
        memory.stop_sizes().count,
        memory.lost_update_pages(),
        memory.nothing_to_send,
        memory.bytes_sent_in_round,
        memory.bytes_waiting,
        memory.round_sizes.count,
    )


@example(  # the sweep passes the page of the only chunk in a stall before it is sent
    variant=VARIANTS[-1], pages=1, share=1.0, place=0.0, pages_per_s=0.013, warm=0, seed=1569
)
@given(
    variant=st.sampled_from(VARIANTS),
    pages=st.integers(1, 400),
    share=st.floats(0.01, 1.0),
    place=st.floats(0.0, 1.0),
    pages_per_s=st.sampled_from([0.0, 0.013, 0.31, 0.9, 1.1, 3.7, 40.0]),
    warm=st.integers(0, 3),
    seed=st.integers(0, 10_000),
)
@settings(deadline=None, max_examples=300)
def test_every_round_is_that_of_pages(
    variant: tuple[str, dict[str, object]],
    pages: int,
    share: float,
    place: float,
    pages_per_s: float,
    warm: int,
    seed: int,
) -> None:
    # the sweep passes so many pages while a page is sent, which takes 0.0123 s at the usual rate
    page_s, name, more = 0.0123, *variant
    region = max(1, round(share * pages))
    first, offset = int(place * (pages - region)), region * ((place * 7.3) % 1.0)
    both = engines(
        pages, region, first, pages_per_s / page_s, offset, strategies.create(name, **more)
    )
    found = []
    for memory in both:
        rng = np.random.default_rng(seed)
        memory.warm(warm, 0.37)
        rounds = []
        for _ in range(6):
            rounds.append((random_round(memory, rng, page_s), *state(memory)))
            if rng.random() < 0.3:
                memory.wait(float(rng.random()))
                rounds.append(state(memory))
        memory.hand_over()
        assert memory.stale_pages == 0
        found.append(rounds)
    assert found[0] == found[1]
