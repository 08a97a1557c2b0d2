"""Cost of migrating memory that only a sweep writes, in segments and page by page.

    pytest benchmarks/bench_swept.py -s

The aim: 32 GiB at least 20 times faster than the pages engine, with the same outcome. The table
gives processor time of four live rounds.
"""

from __future__ import annotations

import time

import pytest

from cluster_emu.encoding import Encoding
from cluster_emu.memory.base import MemoryEngine
from cluster_emu.memory.dirtying.processes import PageWriter, SweepWrites
from cluster_emu.memory.lumped.swept import SweptEngine
from cluster_emu.memory.pages.engine import PagesEngine
from cluster_emu.strategies import strategies

PAGES_PER_GIB = 262_144
SIZES_GIB = (1, 32, 1_024)
STRATEGIES = ("pre-copy", "history-majority", "xen-legacy", "qemu")
ROUNDS = 4
BYTES_PER_S = 1.25e9
SWEEP_PAGES_PER_S = 600_000.0


def migrate(make: type[PagesEngine] | type[SweptEngine], gib: int, strategy: str) -> MemoryEngine:
    """Run four live rounds on 10 Gbit/s; nine tenths of the memory are swept."""
    pages = gib * PAGES_PER_GIB
    sweep = SweepWrites(pages // 20, 9 * pages // 10, SWEEP_PAGES_PER_S, pages / 3)
    engine = make(PageWriter(pages, [sweep]), strategies.create(strategy), Encoding(4096, 8))
    for _ in range(ROUNDS):
        engine.begin_round()
        left = engine.plan(1.0 / BYTES_PER_S)
        engine.end_round(left / BYTES_PER_S)
    return engine


def seconds(
    make: type[PagesEngine] | type[SweptEngine], gib: int, strategy: str
) -> tuple[float, tuple[float, int]]:
    start = time.process_time()
    engine = migrate(make, gib, strategy)
    return time.process_time() - start, (engine.now, engine.stale_pages)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_swept_engine(benchmark, strategy):
    """One migration of 32 GiB."""
    assert benchmark(lambda: migrate(SweptEngine, 32, strategy)).stale_pages > 0


def test_cost_beside_pages(capsys):
    """Both engines on the same machine; pages only up to 32 GiB."""
    rows = []
    for strategy in STRATEGIES:
        for gib in SIZES_GIB:
            lumped_s, outcome = seconds(SweptEngine, gib, strategy)
            pages_s = float("nan")
            if gib <= 32:
                pages_s, expected = seconds(PagesEngine, gib, strategy)
                assert outcome == expected
            ratio = pages_s / lumped_s
            times = f"{1e3 * lumped_s:12.2f}{1e3 * pages_s:12.1f}"
            rows.append(f"{strategy:>20}{gib:6}{times}{ratio:9.0f}")
    with capsys.disabled():
        print(f"\n{'strategy':>20}{'GiB':>6}{'lumped ms':>12}{'pages ms':>12}{'ratio':>9}")
        print("\n".join(rows))
