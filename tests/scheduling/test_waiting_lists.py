"""The sorted queue gives the slots that ranking the whole queue at every step would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.scheduling.orders import (
    Candidate,
    Fifo,
    FixedOrder,
    HostSlot,
    LargestFirst,
    QueueOrder,
    QueueView,
    Side,
    SmallestFirst,
)
from cluster_emu.scheduling.waiting_lists import WaitingLists
from tests._support.queue_helpers import HOSTS, VMS, candidate, queue, vm_columns

HOST = st.integers(0, HOSTS - 1)
LIMIT = st.one_of(st.none(), st.integers(1, 3))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), HOST, HOST, st.integers(0, 2)),
        st.tuples(st.sampled_from(["end", "cancel"]), st.integers(0, 100)),
        st.just(("admit",)),
    ),
    max_size=80,
)


@dataclass(frozen=True)
class Ranked(QueueOrder):
    """The same order without its numbers, so that the whole queue is ranked at every step."""

    name: ClassVar[str] = "ranked"
    summary: ClassVar[str] = "as another"
    source: ClassVar[str] = "this test"

    order: FixedOrder

    def rank(self, candidates: Sequence[Candidate], view: QueueView) -> list[Candidate]:
        """Rank them as the other order does."""
        return list(self.order.rank(candidates, view))


@pytest.mark.parametrize("order", [Fifo(), SmallestFirst(), LargestFirst()])
@given(steps=STEPS, cluster=LIMIT, outbound=LIMIT, inbound=LIMIT, data=st.data())
def test_as_if_all_were_ranked_at_every_step(order, steps, cluster, outbound, inbound, data):
    memory = data.draw(st.lists(st.integers(0, 3), min_size=VMS, max_size=VMS))
    quick, plain = (
        queue(
            order=each,
            vms=vm_columns(memory_bytes=np.array(memory)),
            per_cluster=cluster,
            outbound_per_host=outbound,
            inbound_per_host=inbound,
        )
        for each in (order, Ranked(order))
    )
    number = 0
    for what, *numbers in steps:
        if what == "ask":
            if number == VMS:
                continue
            for waiting in (quick, plain):
                waiting.put(candidate(number, *numbers))
            number += 1
        elif what in ("end", "cancel"):
            some = list(plain.holders if what == "end" else plain.waiting)
            for waiting in (quick, plain):
                waiting.leave(some[numbers[0] % len(some)] if some else 0)
        else:
            assert quick.admit() == plain.admit()
        assert list(quick.waiting) == list(plain.waiting)


def test_an_end_does_not_check_the_whole_queue() -> None:
    checks = 0
    busy = set(range(1000))

    def blocking_slot(each: Candidate) -> HostSlot | None:
        nonlocal checks
        checks += 1
        return (Side.SOURCE, each.source) if each.source in busy else None

    waiting = WaitingLists(blocking_slot)
    for number in range(10_000):
        waiting.put(candidate(number, source=number % 1000), 0.0)
    assert waiting.next() is None
    checks = 0
    for source in range(500, 600):
        busy.remove(source)
        waiting.wake((Side.SOURCE, source))
        first = waiting.next()
        assert first is not None
        assert first.number == source
        busy.add(source)
        assert waiting.next() is None
    assert checks <= 300
