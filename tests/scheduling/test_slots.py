"""Who may start: limits hold, the urgent go first, nobody waits for the hosts of others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.scheduling.slots import SlotCounts
from tests._support.queue_helpers import HOSTS, MIGRATIONS, candidate, queue

LIMIT = st.one_of(st.none(), st.integers(1, 3))


@given(
    migrations=MIGRATIONS,
    cluster=LIMIT,
    outbound=LIMIT,
    inbound=LIMIT,
    endings=st.lists(st.integers(0, 100), max_size=60),
)
def test_limits_are_never_exceeded_and_nobody_waits_without_a_reason(
    migrations: list[tuple[int, int, int]],
    cluster: int | None,
    outbound: int | None,
    inbound: int | None,
    endings: list[int],
) -> None:
    counts = SlotCounts.empty(HOSTS)
    outgoing, incoming = counts.outgoing, counts.incoming
    waiting = queue(
        counts=counts,
        per_cluster=cluster,
        outbound_per_host=outbound,
        inbound_per_host=inbound,
    )
    for number, (source, target, priority) in enumerate(migrations):
        waiting.put(candidate(number, source, target, priority))
    running: list[int] = []
    started: list[int] = []

    def check_and_admit() -> None:
        admitted = waiting.admit()
        running.extend(admitted)
        started.extend(admitted)
        assert list(waiting.holders) == running
        assert len(waiting.waiting) == len(migrations) - len(started)
        for host in range(HOSTS):
            out = sum(migrations[n][0] == host for n in running)
            into = sum(migrations[n][1] == host for n in running)
            assert (outgoing[host], incoming[host]) == (out, into)
            assert outbound is None or out <= outbound
            assert inbound is None or into <= inbound
        assert cluster is None or len(running) <= cluster
        if cluster is None or len(running) < cluster:
            for number in set(range(len(migrations))) - set(started):
                source, target, _ = migrations[number]
                busy = outbound is not None and outgoing[source] >= outbound
                assert busy or (inbound is not None and incoming[target] >= inbound)

    check_and_admit()
    for ending in endings:
        if not running:
            break
        waiting.leave(running.pop(ending % len(running)))
        check_and_admit()
    while running:
        waiting.leave(running.pop())
        check_and_admit()
    assert sorted(started) == list(range(len(migrations)))
    assert not outgoing.any()
    assert not incoming.any()


@given(MIGRATIONS)
def test_one_at_a_time_they_go_by_priority_and_then_by_arrival(
    migrations: list[tuple[int, int, int]],
) -> None:
    waiting = queue(per_cluster=1)
    for number, (source, target, priority) in enumerate(migrations):
        waiting.put(candidate(number, source, target, priority))
    order = []
    while waiting.waiting:
        (number,) = waiting.admit()
        order.append(number)
        waiting.leave(number)
    assert order == sorted(range(len(migrations)), key=lambda n: (migrations[n][2], n))


def test_one_whose_hosts_are_busy_does_not_hold_up_those_behind_it() -> None:
    waiting = queue(outbound_per_host=1)
    for number, (source, target) in enumerate([(0, 1), (0, 2), (0, 3), (2, 3)]):
        waiting.put(candidate(number, source, target))
    assert waiting.admit() == [0, 3]
    waiting.leave(0)
    assert waiting.admit() == [1]


def test_one_that_was_passed_over_keeps_its_place() -> None:
    waiting = queue(outbound_per_host=1)
    waiting.put(candidate(0, 0, 1, 1))
    assert waiting.admit() == [0]
    waiting.put(candidate(1, 0, 2, 1))
    assert waiting.admit() == []
    waiting.put(candidate(2, 0, 3, 1))
    waiting.put(candidate(3, 0, 3, 0))
    waiting.leave(0)
    assert waiting.admit() == [3]
    waiting.leave(3)
    assert waiting.admit() == [1]


@pytest.mark.parametrize("gone", range(3))
def test_one_may_leave_whether_it_waits_or_runs(gone: int) -> None:
    waiting = queue(per_cluster=1)
    for number in range(3):
        waiting.put(candidate(number, 0, 1))
    waiting.admit()
    waiting.leave(gone)
    waiting.leave(gone)  # it is not there any more, and nothing happens
    order = [*waiting.holders, *waiting.admit()]
    while waiting.waiting:
        waiting.leave(order[-1])
        order += waiting.admit()
    assert order == [number for number in range(3) if number != gone]
