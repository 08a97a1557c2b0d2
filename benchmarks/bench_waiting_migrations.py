"""How long a queue of migrations takes to start them all, by its order and length.

    pytest benchmarks/bench_waiting_migrations.py

Migrations of one host's VMs to 99 others, or between random pairs of 100 hosts, two at a time away
from and onto each host; they end one after the other. The time per migration should hardly depend
on how many wait.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cluster_emu.cluster.columns import VMColumns
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.scheduling.orders import (
    Candidate,
    DisjointBottlenecks,
    Fifo,
    LowestWriteRateFirst,
    QueueOrder,
)
from cluster_emu.scheduling.slots import ConcurrencySlots, SlotCounts

HOSTS = 100
ORDERS = {
    "fifo": Fifo(),
    "lowest-write-rate-first": LowestWriteRateFirst(),
    "disjoint-bottlenecks": DisjointBottlenecks(),
    "disjoint-bottlenecks:otherwise=share": DisjointBottlenecks(otherwise="share"),
}


def full_queue(order: QueueOrder, count: int, pairs: str, cap: float) -> ConcurrencySlots:
    """Return a queue with so many migrations; each crosses a link of its source and target."""
    rng = np.random.default_rng(1)
    columns = {name: np.ones(count) for name in VMColumns.__dataclass_fields__}
    columns["dirty_pages_per_s"] = rng.random(count)
    limits = ConcurrencyLimits(outbound_per_host=2, inbound_per_host=2)
    queue = ConcurrencySlots(
        limits, SlotCounts.empty(HOSTS), order, VMColumns(**columns), np.ones(2 * HOSTS)
    )
    for number in range(count):
        source = 0 if pairs == "drain" else int(rng.integers(HOSTS))
        target = (source + 1 + int(rng.integers(HOSTS - 1))) % HOSTS
        route = source, HOSTS + target
        queue.put(Candidate(number, number, source, target, 0, route, cap))
    return queue


def started_in_turn(queue: ConcurrencySlots) -> int:
    """Start and end all migrations one after the other; return how many there were."""
    running, count = queue.admit(), 0
    while running:
        queue.leave(running.pop(0))
        running += queue.admit()
        count += 1
    return count


@pytest.mark.parametrize("count", [500, 4_000])
@pytest.mark.parametrize("cap", [math.inf, 0.3])
@pytest.mark.parametrize("pairs", ["drain", "random"])
@pytest.mark.parametrize("order", ORDERS)
def test_all_start(benchmark, order, pairs, cap, count):
    started = benchmark.pedantic(
        started_in_turn, setup=lambda: ((full_queue(ORDERS[order], count, pairs, cap),), {})
    )
    assert started == count
