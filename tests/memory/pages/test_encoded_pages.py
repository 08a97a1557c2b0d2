"""The pages engine passes the encoders all data they need."""

from __future__ import annotations

import pytest

from cluster_emu.encoding import Content, Encoding, ZeroPage
from cluster_emu.memory.base import FaultCosts
from cluster_emu.memory.dirtying.processes import PageWriter
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies import PreCopy, Qemu, Strategy
from tests._support.scripted_writes import ScriptedWrites

PAGE = 4096
ZERO = 9.0
RAW = PAGE + 8.0


def zero_pages(strategy: Strategy, writes: list[list[float]]) -> PagesEngine:
    """Return an engine all of whose pages are zero at first."""
    coder = ZeroPage(share=1.0).coder(Content(len(writes), PAGE, RandomStreams(1), 0, 0))
    writer = PageWriter(len(writes), [ScriptedWrites(writes)])
    return PagesEngine(writer, strategy, Encoding(PAGE, 8, [coder]))


def run_round(engine: PagesEngine, seconds_per_byte: float) -> float:
    engine.begin_round()
    return engine.end_round(engine.plan(seconds_per_byte) * seconds_per_byte).bytes_sent


def test_a_page_written_in_a_round_is_zero_no_more() -> None:
    engine = zero_pages(PreCopy(), [[], [5.0], [5.0]])
    assert run_round(engine, 1.0) == 3 * ZERO
    assert engine.stale_bytes == engine.stop_sizes().total_bytes == 2 * RAW


def test_a_page_written_between_two_rounds_is_zero_no_more() -> None:
    engine = zero_pages(PreCopy(), [[50.0], []])
    run_round(engine, 1.0)
    assert engine.stale_bytes == 0
    engine.wait(100.0)
    assert engine.stale_bytes == RAW
    assert run_round(engine, 1.0) == RAW


@pytest.mark.parametrize("granularity", ["chunk", "page"])
def test_a_write_the_log_forgives_counts_all_the_same(granularity: str) -> None:
    # Page 0 is written while page 3 waits, and again; page 3 before its visit only: it is sent with
    # that content, and not again until it is written in round 2.
    engine = zero_pages(
        Qemu(clear_granularity=granularity, chunk_pages=1), [[5.0], [], [], [5.0, 40.0]]
    )
    assert run_round(engine, 1.0) == 4 * ZERO
    assert engine.stop_set().tolist() == [0]
    assert run_round(engine, 0.01) == RAW
    push = engine.post_copy(FaultCosts(0.0, 0, 1.0), bubbling=False, pivots=1)
    assert push.sizes.total_bytes == RAW
