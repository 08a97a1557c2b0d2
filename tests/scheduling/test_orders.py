"""Queue orders: who of equal priority gets the next slot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.scheduling.orders import (
    DisjointBottlenecks,
    QueueOrder,
    QueueView,
    queue_orders,
)
from tests._support.queue_helpers import MIGRATIONS, VMS, candidate, queue, vm_columns
from tests._support.small_scenarios import BPS, HEADER, PAGE, scenario

NAMES = queue_orders.names()
VARIANTS = [*((name, {}) for name in NAMES), ("disjoint-bottlenecks", {"otherwise": "share"})]


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
        left = [each.priority for each in waiting.waiting.values()]
        if (name, parameters) != ("disjoint-bottlenecks", {}):  # there the urgent may wait
            assert all(migrations[n][2] <= min(left, default=9) for n in admitted)
        waiting.leave(next(iter(waiting.holders)))
    assert sorted(served) == list(range(len(migrations)))


# --- disjoint bottlenecks ------------------------------------------------------------------------

UPLINK_A, UPLINK_B, NIC_1, NIC_2 = range(4)
CAPACITIES = (4.0, 4.0, 2.0, 2.0)


def ranked(
    routes: Sequence[Sequence[int]],
    *,
    running: Sequence[Sequence[int]] = (),
    otherwise: Any = "wait",
    cap: float = math.inf,
) -> list[int]:
    """Return the numbers of the candidates with these routes in the order they would go in."""
    order = DisjointBottlenecks(otherwise=otherwise)
    candidates = [candidate(number, route=route, cap=cap) for number, route in enumerate(routes)]
    others = [candidate(100 + number, route=route) for number, route in enumerate(running)]
    view = QueueView(vm_columns(), np.array(CAPACITIES), candidates, others)
    return [each.number for each in order.rank(candidates, view)]


def test_those_that_meet_nobody_at_a_bottleneck_go_and_the_others_wait() -> None:
    # two of a host's rate fit into an uplink; two of one host do not fit into its card
    routes = [[NIC_1, UPLINK_A], [NIC_1, UPLINK_A], [NIC_2, UPLINK_A], [UPLINK_B]]
    assert ranked(routes) == [3, 0, 2]
    assert ranked(routes, otherwise="share") == [3, 0, 2, 1]
    assert ranked(routes, running=[[NIC_2, UPLINK_A]]) == [3, 0]
    assert ranked(routes[:3], running=[[UPLINK_A], [UPLINK_A]]) == []


def test_those_that_share_share_with_the_fewest() -> None:
    running = [[UPLINK_A]] * 4 + [[UPLINK_B]] * 2
    routes = [[UPLINK_A], [UPLINK_A], [UPLINK_B], [UPLINK_B], [UPLINK_B]]
    # 4/5 of A against 4/3, 4/4 and then again 4/5 of B
    assert ranked(routes, running=running, otherwise="share") == [2, 3, 0, 4, 1]


def test_with_a_cap_on_rates_more_of_them_meet_nobody() -> None:
    routes = [[NIC_1, UPLINK_A]] * 6
    assert ranked(routes) == [0]
    assert ranked(routes, cap=0.5) == [0, 1, 2, 3]


def test_capped_ones_go_until_a_link_is_full() -> None:
    routes = [[NIC_1, UPLINK_A]] * 6
    # 2 x 1.2 is more than the card's 2, but 1.2 alone would leave a part of it unused
    assert ranked(routes, cap=1.2) == [0, 1]
    assert ranked(routes, cap=0.7) == [0, 1, 2]
    assert ranked(routes, cap=2.0) == [0]
    assert ranked([*routes, [NIC_2, UPLINK_A]], cap=1.2) == [0, 6, 1]


def test_one_of_another_priority_on_the_same_bottleneck_is_seen() -> None:
    waiting = queue(order=DisjointBottlenecks(), capacities=CAPACITIES)
    waiting.put(candidate(0, priority=1, route=[UPLINK_A]))
    waiting.put(candidate(1, priority=0, route=[UPLINK_A]))
    waiting.put(candidate(2, priority=1, route=[UPLINK_B]))
    assert waiting.admit() == [1, 2]


def test_a_cap_counts_for_the_one_that_has_it() -> None:
    waiting = queue(order=DisjointBottlenecks(), capacities=CAPACITIES)
    for number, cap in enumerate((1.0, 4.0, 1.0, 2.0)):
        waiting.put(candidate(number, route=[UPLINK_A], cap=cap))
    # the second may count on 4 and leaves 4/2 for the next, which is what the last asks for
    assert waiting.admit() == [1, 3, 0, 2]


def test_one_refused_for_its_hosts_is_on_no_link() -> None:
    waiting = queue(order=DisjointBottlenecks(), capacities=CAPACITIES, inbound_per_host=1)
    waiting.put(candidate(0, source=0, target=3, route=[UPLINK_A]))
    waiting.put(candidate(1, source=1, target=3, route=[UPLINK_B]))
    waiting.put(candidate(2, source=2, target=2, route=[UPLINK_B]))
    assert waiting.admit() == [0, 2]


def eight_from_one_host(order: str, **more: Any) -> Scenario:
    """Return a drain of host 0 with eight idle VMs of a second each, a prepare time before it."""
    vm = {"count": 8, "cpu_capacity": 1, "memory_bytes": 1000 * PAGE, "host": 0}
    return scenario(
        hosts=3,
        vms=[{**vm, "profile": {"name": "uniform", "writes_per_page_s": 0.0}}],
        migrations=[{"vm": n, "target": 1 + n % 2} for n in range(8)],
        **{"manager": {"max_per_cluster": 1, "preparing": {}, "order": order}, **more},
    )


@pytest.mark.parametrize("name", NAMES)
def test_those_that_prepare_meet_nobody(name: str) -> None:
    given_scenario = eight_from_one_host(name, transfer={"prepare_s": 10.0})
    migrations = ClusterModel(given_scenario, rng=1).run().migrations
    assert sorted(migrations["start_s"]) == pytest.approx([10.0 + n for n in range(8)])


def test_a_cap_per_page_is_one_on_the_rate() -> None:
    # a quarter of the card each: four go at once
    starts = [
        ClusterModel(
            eight_from_one_host(
                "disjoint-bottlenecks",
                manager={"order": "disjoint-bottlenecks", "preparing": {}},
                transfer={"prepare_s": 1.0, **cap},
            ),
            rng=1,
        ).run().migrations["start_s"]
        for cap in ({"bandwidth_bps": BPS / 4}, {"page_time_s": 0.004})
    ]  # fmt: skip
    assert starts[0].tolist() == pytest.approx([1.0] * 4 + [5.0] * 4)
    assert starts[1].tolist() == pytest.approx(starts[0].tolist())


QUARTER = BPS / 8 / 4 * PAGE / (PAGE / 2 + HEADER)
"""Bytes of memory per second that a core compresses to half, and so fills a quarter of the card."""


@pytest.mark.parametrize(("cpu_bytes_per_s", "at_once"), [(QUARTER, 4), (1e9, 1)])
def test_what_cores_encode_caps_the_rate(cpu_bytes_per_s: float, at_once: int) -> None:
    order = "disjoint-bottlenecks"
    encoder = {"name": "compression", "ratio": 0.5, "cpu_bytes_per_s": cpu_bytes_per_s}
    given_scenario = eight_from_one_host(
        order,
        manager={"order": order, "preparing": {}},
        transfer={"prepare_s": 1.0, "encoders": [encoder]},
    )
    starts = ClusterModel(given_scenario, rng=1).run().migrations["start_s"]
    copy_s = at_once * 1000 * (PAGE / 2 + HEADER) / (BPS / 8)
    assert sorted(starts) == pytest.approx([1 + copy_s * (n // at_once) for n in range(8)])


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


@pytest.mark.parametrize(
    "cap",
    [
        {"channel_bandwidth_bps": 0.6 * BPS},
        {"encoders": ["compression:cpu_bytes_per_s=3e6"]},
        {"encoders": ["zero-page", "compression:cpu_bytes_per_s=1e6"], "channels": 2},
    ],
)
def test_where_one_alone_cannot_fill_a_link_it_is_no_worse_than_fifo(cap: dict[str, Any]) -> None:
    drained = [
        ClusterModel(eight_from_one_host(order, manager={"order": order}, transfer=cap), rng=1)
        .run()
        .migrations["end_s"]
        .max()
        for order in ("disjoint-bottlenecks", "fifo")
    ]
    assert drained[0] <= drained[1] * 1.15  # the last few do not fill it


def test_an_unknown_order_is_refused_by_name() -> None:
    with pytest.raises(ScenarioError, match=r"manager\.order.*fifo"):
        ClusterModel(scenario(manager={"order": "lifo"}))
    with pytest.raises(ScenarioError, match=r"manager\.order\.otherwise"):
        ClusterModel(scenario(manager={"order": "disjoint-bottlenecks:otherwise=never"}))
