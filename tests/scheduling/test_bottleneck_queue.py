"""The queue that knows its links starts what ranking the whole queue at every step would start."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.scheduling.orders import (
    Candidate,
    DisjointBottlenecks,
    LowestWriteRateFirst,
    QueueOrder,
    QueueView,
)
from cluster_emu.scheduling.orders.bottleneck_queue import BottleneckQueue
from cluster_emu.scheduling.slots import ConcurrencySlots
from cluster_emu.scheduling.waiting_lists import WaitingLists
from tests._support.queue_helpers import HOSTS, VMS, candidate, queue, vm_columns

SAME = 1 - 1e-9
CAPACITIES = (4.0, 2.0, 3.0, 1.0, 1.0)
HOST = st.integers(0, HOSTS - 1)
LIMIT = st.one_of(st.none(), st.integers(1, 3))
ROUTE = st.lists(st.integers(0, len(CAPACITIES) - 1), min_size=1, max_size=3, unique=True)
CAP = st.sampled_from([math.inf, 0.4, 1.2, 2.0])
ASK = st.tuples(st.just("ask"), HOST, HOST, st.integers(0, 2), ROUTE, CAP)
STEPS = st.lists(
    st.one_of(
        ASK,
        ASK,
        st.tuples(st.sampled_from(["end", "cancel", "again"]), st.integers(0, 100)),
        st.just(("admit",)),
    ),
    max_size=60,
)


@dataclass(frozen=True)
class RankedByFormula(QueueOrder):
    """The definition of the order, worked out for the whole queue."""

    name: ClassVar[str] = "ranked"
    summary: ClassVar[str] = "as disjoint-bottlenecks"
    source: ClassVar[str] = "this test"

    otherwise: str

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> Iterator[Candidate]:
        """Return the candidates one after another, each chosen after those before it."""
        capacity = view.capacity_bytes_per_s
        on_link, load = np.zeros(len(capacity)), np.zeros(len(capacity))
        for each in view.running:
            _enter(each, capacity, on_link, load)
        left = list(candidates)
        while left:
            shares = [_share(each, capacity, on_link) for each in left]
            disjoint = [
                place
                for place, each in enumerate(left)
                if _leaves_a_part(each, capacity, load)
                or shares[place] >= SAME * _share(each, capacity, np.zeros(len(capacity)))
            ]
            if not disjoint and self.otherwise == "wait":
                return
            first = max(disjoint or range(len(left)), key=lambda place: shares[place])
            chosen = left.pop(first)
            _enter(chosen, capacity, on_link, load)
            yield chosen


def _share(one: Candidate, capacity: np.ndarray, on_link: np.ndarray) -> float:
    return min(one.cap_bytes_per_s, *(capacity[each] / (on_link[each] + 1) for each in one.route))


def _leaves_a_part(one: Candidate, capacity: np.ndarray, load: np.ndarray) -> bool:
    links = list(one.route)
    is_capped = one.cap_bytes_per_s < SAME * capacity[links].min()
    return bool(is_capped and (SAME * capacity[links] > load[links]).all())


def _enter(one: Candidate, capacity: np.ndarray, on_link: np.ndarray, load: np.ndarray) -> None:
    links = list(one.route)
    on_link[links] += 1
    if one.cap_bytes_per_s < math.inf:
        load[links] += min(one.cap_bytes_per_s, capacity[links].min())


@pytest.mark.parametrize("otherwise", ["wait", "share"])
@settings(max_examples=60)
@given(steps=STEPS, cluster=LIMIT, outbound=LIMIT, inbound=LIMIT)
def test_as_if_all_were_ranked_at_every_step(otherwise, steps, cluster, outbound, inbound):
    limits = {
        "per_cluster": cluster,
        "outbound_per_host": outbound,
        "inbound_per_host": inbound,
    }
    orders = DisjointBottlenecks(otherwise=otherwise), RankedByFormula(otherwise)
    quick, plain = (queue(order=each, capacities=CAPACITIES, **limits) for each in orders)
    number = 0
    for what, *details in [*steps, ("admit",)]:
        if what == "ask":
            if number < VMS:
                source, target, priority, route, cap = details
                asked = candidate(number, source, target, priority, route, cap)
                quick.put(asked)
                plain.put(asked)
                number += 1
        elif what == "admit":
            assert quick.admit() == plain.admit()
        elif some := list(plain.holders if what == "end" else plain.waiting):
            chosen = some[details[0] % len(some)]
            if what == "again":  # it has got another target
                old = plain.waiting[chosen]
                moved = candidate(chosen, old.source, (old.target + 1) % HOSTS, old.priority, [4])
                quick.put(moved)
                plain.put(moved)
            else:
                quick.leave(chosen)
                plain.leave(chosen)
        assert list(quick.waiting) == list(plain.waiting)


def drained(order: QueueOrder, vms: int, capacities: Sequence[float]) -> ConcurrencySlots:
    """Return a queue of migrations from one host to all the others."""
    columns = vm_columns(dirty_pages_per_s=np.arange(vms)[::-1])
    waiting = queue(order=order, vms=columns, capacities=capacities, outbound_per_host=2)
    for number in range(vms):
        target = 1 + number % (HOSTS - 1)
        waiting.put(candidate(number, 0, target, route=[0, target]))
    return waiting


def started_in_turn(waiting: ConcurrencySlots) -> int:
    """Start and end all migrations one after the other; return how many there were."""
    running, count = waiting.admit(), 0
    while running:
        waiting.leave(running.pop(0))
        running += waiting.admit()
        count += 1
    return count


@pytest.mark.parametrize("otherwise", ["wait", "share"])
def test_the_work_of_a_start_does_not_grow_with_the_queue(otherwise, monkeypatch):
    examined = 0
    expected = BottleneckQueue._expected

    def counted(self: BottleneckQueue, groups: np.ndarray) -> object:
        nonlocal examined
        examined += len(groups)
        return expected(self, groups)

    monkeypatch.setattr(BottleneckQueue, "_expected", counted)
    order = DisjointBottlenecks(otherwise=otherwise)
    per_start = []
    for vms in (200, 800):
        examined = 0
        assert started_in_turn(drained(order, vms, [1.0] * HOSTS)) == vms
        per_start.append(examined / vms)
    assert per_start[1] <= 1.1 * per_start[0]


def test_only_vms_whose_rates_changed_take_another_place(monkeypatch):
    puts = 0
    put = WaitingLists.put

    def counted(self: WaitingLists, one: Candidate, key: float) -> None:
        nonlocal puts
        puts += 1
        put(self, one, key)

    monkeypatch.setattr(WaitingLists, "put", counted)
    rates = np.arange(100.0)
    waiting = queue(
        order=LowestWriteRateFirst(), vms=vm_columns(dirty_pages_per_s=rates), per_cluster=1
    )
    rates = waiting._vms.dirty_pages_per_s
    for number in range(100):
        waiting.put(candidate(number))
    assert waiting.admit() == [0]
    puts = 0
    rates[50:52] = [0.5, -1.0]
    waiting.leave(0)
    assert waiting.admit() == [51]
    assert puts == 2
    waiting.leave(51)
    assert waiting.admit() == [50]
    waiting.leave(50)
    assert waiting.admit() == [1]
    assert puts == 2
