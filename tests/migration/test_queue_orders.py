"""Queue orders: who of equal priority gets the next slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_helpers import MIGRATIONS, VMS, candidate, queue, vm_columns
from small_scenarios import BPS, PAGE, scenario

from cluster_emu.errors import ScenarioError
from cluster_emu.migration.queue_orders import DisjointBottlenecks, QueueOrder, queue_orders
from cluster_emu.migration.queue_orders.disjoint_bottlenecks import bottlenecks
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario

NAMES = queue_orders.names()
VARIANTS = [*((name, {}) for name in NAMES), ("disjoint-bottlenecks", {"otherwise": "wait"})]


def served(order: QueueOrder, count: int, **columns: Sequence[float]) -> list[int]:
    """Return in what order migrations of equal priority are served one at a time."""
    waiting = queue(order=order, vms=vm_columns(**columns), capacities=[1.0], per_cluster=1)
    for number in range(count):
        waiting.put(candidate(number, route=[0]))
    numbers: list[int] = []
    while waiting.waiting:
        numbers += waiting.admit()
        waiting.leave(numbers[-1])
    return numbers


def test_there_are_five() -> None:
    assert NAMES == [
        "disjoint-bottlenecks",
        "fifo",
        "largest-first",
        "lowest-write-rate-first",
        "smallest-first",
    ]


def test_orders_by_memory_and_by_write_rate_keep_equals_as_they_came() -> None:
    memory = np.array([3, 1, 2, 1, 3] + [0] * (VMS - 5))
    assert served(queue_orders.create("fifo"), 5, memory_bytes=memory) == [0, 1, 2, 3, 4]
    assert served(queue_orders.create("smallest-first"), 5, memory_bytes=memory) == [1, 3, 2, 0, 4]
    assert served(queue_orders.create("largest-first"), 5, memory_bytes=memory) == [0, 4, 2, 1, 3]
    quiet = queue_orders.create("lowest-write-rate-first")
    assert served(quiet, 5, dirty_pages_per_s=memory) == [1, 3, 2, 0, 4]


def test_the_write_rate_counts_at_the_time_of_the_choice() -> None:
    vms = vm_columns(dirty_pages_per_s=np.arange(VMS, dtype=np.float64))
    quiet = queue_orders.create("lowest-write-rate-first")
    waiting = queue(order=quiet, vms=vms, per_cluster=1)
    for number in range(3):
        waiting.put(candidate(number))
    assert waiting.admit() == [0]
    waiting.leave(0)
    vms.dirty_pages_per_s[1] = 99.0
    assert waiting.admit() == [2]


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
@given(migrations=MIGRATIONS, at_once=st.integers(1, 4), data=st.data())
def test_every_order_serves_everybody_the_urgent_first(
    name: str,
    parameters: dict[str, Any],
    migrations: list[tuple[int, int, int]],
    at_once: int,
    data: st.DataObject,
) -> None:
    numbers = st.lists(st.integers(0, 9), min_size=VMS, max_size=VMS)
    vms = vm_columns(memory_bytes=data.draw(numbers), dirty_pages_per_s=data.draw(numbers))
    order = queue_orders.create(name, **parameters)
    waiting = queue(order=order, vms=vms, capacities=np.ones(8), per_cluster=at_once)
    for number, (source, target, priority) in enumerate(migrations):
        waiting.put(candidate(number, source, target, priority, route=[source, 4 + target]))
    served: list[int] = []
    while waiting.waiting or waiting.holders:
        admitted = waiting.admit()
        served += admitted
        assert waiting.holders
        # nobody less urgent goes before somebody who waits, unless that one wants to wait
        left = [each.priority for each in waiting.waiting.values()]
        if parameters.get("otherwise") != "wait":
            assert all(migrations[n][2] <= min(left, default=9) for n in admitted)
        waiting.leave(next(iter(waiting.holders)))
    assert sorted(served) == list(range(len(migrations)))


# --- disjoint bottlenecks ------------------------------------------------------------------------

UPLINK_A, UPLINK_B, NIC = 0, 1, 2
CAPACITIES = np.array([4.0, 4.0, 2.0])


def test_a_bottleneck_is_where_the_equal_share_is_smallest() -> None:
    everyone = [
        candidate(0, route=[UPLINK_A, NIC]),
        candidate(1, route=[UPLINK_A]),
        candidate(2, route=[UPLINK_A, UPLINK_B]),
        candidate(3, route=[UPLINK_B]),
    ]
    # shares: 4/3 on A, 2 on B, 2 on the NIC
    assert bottlenecks(everyone, CAPACITIES) == {0: {0}, 1: {0}, 2: {0}, 3: {1}}
    assert bottlenecks(everyone[:1], CAPACITIES) == {0: {NIC}}
    tie = [candidate(0, route=[UPLINK_A, NIC]), candidate(1, route=[UPLINK_A])]
    assert bottlenecks(tie, CAPACITIES) == {0: {UPLINK_A, NIC}, 1: {UPLINK_A}}


@pytest.mark.parametrize(
    ("otherwise", "at_first", "then"),
    [("fifo", [0, 3, 1], [4]), ("wait", [0, 3], [1])],
)
def test_those_that_share_no_bottleneck_go_first(
    otherwise: Any, at_first: list[int], then: list[int]
) -> None:
    order = DisjointBottlenecks(otherwise=otherwise)
    waiting = queue(order=order, capacities=CAPACITIES, per_cluster=3)
    for number in range(6):
        waiting.put(candidate(number, route=[UPLINK_A if number < 3 else UPLINK_B]))
    assert waiting.admit() == at_first
    # with the one on A gone, A is free for another if nobody has followed meanwhile
    waiting.leave(0 if otherwise == "wait" else 3)
    assert waiting.admit() == then


def test_one_of_another_priority_on_the_same_bottleneck_is_seen() -> None:
    waiting = queue(order=DisjointBottlenecks(otherwise="wait"), capacities=CAPACITIES)
    waiting.put(candidate(0, priority=1, route=[UPLINK_A]))
    waiting.put(candidate(1, priority=0, route=[UPLINK_A]))
    waiting.put(candidate(2, priority=1, route=[UPLINK_B]))
    assert waiting.admit() == [1, 2]


def two_racks_to_two(order: str, at_once: int) -> Scenario:
    """Return a drain of racks 0 and 1 into 2 and 3, rack by rack, over narrow uplinks."""
    vm = {"count": 8, "cpu_capacity": 1, "memory_bytes": 500 * PAGE, "profile": "web"}
    return scenario(
        hosts=8,
        topology={
            "name": "leaf-spine",
            "leaves": 4,
            "spines": 1,
            "hosts_per_leaf": 2,
            "host_bps": 2 * BPS,
            "uplink_bps": BPS,
        },
        vms=[{**vm, "host": 0}, {**vm, "host": 2}],
        migrations=[{"vm": n, "target": 4 + n % 2 + 2 * (n >= 8)} for n in range(16)],
        stop="qemu",
        strategy="qemu",
        manager={"order": order, "max_per_cluster": at_once},
    )


def test_draining_two_racks_uses_both_uplinks_at_once() -> None:
    drained = {
        order: ClusterModel(two_racks_to_two(order, 2), rng=1).run().migrations["end_s"].max()
        for order in ("fifo", "disjoint-bottlenecks")
    }
    # 4,000 pages per rack at 1,000 per second: one uplink after the other, or both together. The
    # requests come one by one, so the first two start before there is anything to choose from.
    assert drained["fifo"] > 8.0
    assert drained["disjoint-bottlenecks"] < 4.0 + 1.1


def test_an_unknown_order_is_refused_by_name() -> None:
    with pytest.raises(ScenarioError, match=r"manager\.order.*fifo"):
        ClusterModel(scenario(manager={"order": "lifo"}))
    with pytest.raises(ScenarioError, match=r"manager\.order\.otherwise"):
        ClusterModel(scenario(manager={"order": "disjoint-bottlenecks:otherwise=never"}))
