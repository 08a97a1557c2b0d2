"""Cost of a lumped migration by memory size, compared with the pages engine.

    pytest benchmarks/bench_lumped.py -s

The aim: 16 GiB, 30 rounds, three write classes, N = 5 in at most 3 ms per migration where 100 are
in flight, the same within 20 % for 1 and 256 GiB, and at least 20 times faster than pages at
16 GiB. The table gives processor time.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import pytest

from cluster_emu.encoding import Encoding
from cluster_emu.memory.base import MemoryEngine
from cluster_emu.memory.dirtying.sources import ProfileSource
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.models.lumped import page_classes
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.rng import RandomStreams
from cluster_emu.strategies import HistoryMajority
from cluster_emu.workload import load_profiles

PAGES_PER_GIB = 262_144
SIZES_GIB = (1, 16, 256)
ROUNDS = 30
BYTES_PER_S = 1.25e9
SOURCE = ProfileSource(load_profiles()["web"])


def lumped(gib: int, seed: int) -> LumpedEngine:
    classes = page_classes(SOURCE.describe_writes(gib * PAGES_PER_GIB))
    return LumpedEngine(classes, HistoryMajority(), Encoding(4104.0), np.random.default_rng(seed))


def pages(gib: int, seed: int) -> PagesEngine:
    writer = SOURCE.writer(gib * PAGES_PER_GIB, RandomStreams(seed), 0, 0)
    return PagesEngine(writer, HistoryMajority(), Encoding(4104.0))


def migrate(engine: MemoryEngine) -> int:
    """Run 30 live rounds on 10 Gbit/s, as a migration drives them."""
    for _ in range(ROUNDS):
        engine.begin_round()
        while True:
            left = engine.plan(1.0 / BYTES_PER_S)
            if engine.end_is_known:
                break
            engine.advance(left, left / BYTES_PER_S)
        engine.end_round(left / BYTES_PER_S)
    return engine.stale_pages


@pytest.mark.parametrize("gib", SIZES_GIB)
def test_lumped_engine(benchmark, gib):
    """One migration, thirty rounds."""
    stale = benchmark(lambda: migrate(lumped(gib, 1)))
    assert 0 <= stale <= gib * PAGES_PER_GIB


def seconds(make, gib: int, repeats: int) -> float:
    times = []
    for seed in range(repeats):
        start = time.process_time()
        migrate(make(gib, seed))
        times.append(time.process_time() - start)
    return median(times)


def test_cost_against_memory_size(capsys):
    """Both engines on the same machine; pages only up to 16 GiB."""
    rows = []
    for gib in SIZES_GIB:
        lumped_s = seconds(lumped, gib, 20)
        pages_s = seconds(pages, gib, 1) if gib <= 16 else float("nan")
        ratio = pages_s / lumped_s
        rows.append(f"{gib:5}{1e3 * lumped_s:12.2f}{1e3 * pages_s:12.1f}{ratio:9.0f}")
    with capsys.disabled():
        print(f"\n{'GiB':>5}{'lumped ms':>12}{'pages ms':>12}{'ratio':>9}")
        print("\n".join(rows))
