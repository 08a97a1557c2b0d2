"""Dirty bits cleared by chunk or page in mid-round, held against the closed form.

A page written ``lambda`` times per second in a round of T seconds is dirty at its end with
``1 - exp(-lambda (T - t))``, t being the time at which its bit is cleared. All pages are due in the
first round, so a chunk is cleared when the pages before it are sent. Pages are independent.
"""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.encoding import Encoding
from cluster_emu.memory.lumped import PageClasses
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.strategies import Qemu

PAGE_BYTES = 4096.0
ROUND_S = 10.0
SEEDS = 150


def dirtied(pages: int, writes: float, strategy: Qemu, seed: int, *, mean_field: bool) -> float:
    classes = PageClasses(np.array([pages]), np.array([writes / ROUND_S]))
    rng = np.random.default_rng(seed)
    memory = LumpedEngine(classes, strategy, Encoding(PAGE_BYTES), rng, mean_field=mean_field)
    memory.begin_round()
    time_per_byte = ROUND_S / (pages * PAGE_BYTES)
    while True:
        left = memory.plan(time_per_byte)
        if memory.end_is_known:
            return memory.end_round(left * time_per_byte).dirtied
        memory.advance(left, left * time_per_byte)


@pytest.mark.parametrize(
    ("pages", "chunk_pages", "writes"),
    [
        (2_621_440, 262_144, 5.0),  # chunks of less than a range, and borders within chunks
        (1_000_000, 262_144, 10.0),
        (1_000_000, 262_144, 0.1),
        (1_000_000, 60_000, 5.0),
        (1_000_000, 3_000, 8.0),  # more chunks than parts of a range
        (1_000_000, 64, 5.0),  # more chunks than cells
        (200_000, 1, 5.0),  # every page by itself
    ],
)
def test_the_number_dirty_is_that_of_the_closed_form(
    pages: int, chunk_pages: int, writes: float
) -> None:
    strategy = Qemu(clear_granularity="page")
    if chunk_pages > 1:
        strategy = Qemu(clear_granularity="chunk", chunk_pages=chunk_pages)
    first = np.arange(0, pages, chunk_pages)
    size = np.minimum(chunk_pages, pages - first)
    dirty = -np.expm1(-writes * (1.0 - first / pages))
    mean, variance = (size * dirty).sum(), (size * dirty * (1.0 - dirty)).sum()
    found = [dirtied(pages, writes, strategy, seed, mean_field=False) for seed in range(SEEDS)]
    # four standard errors each: 1 false alarm in 16,000
    assert abs(np.mean(found) - mean) < 4 * np.sqrt(variance / SEEDS)
    assert abs(np.log(np.std(found) / np.sqrt(variance))) < 4 / np.sqrt(2 * SEEDS)
    expected = dirtied(pages, writes, strategy, 0, mean_field=True)
    assert abs(expected - mean) < 0.1 * np.sqrt(variance) + 1
