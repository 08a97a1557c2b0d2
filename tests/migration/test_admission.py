"""Who may start: limits hold, the urgent go first, nobody waits for the hosts of others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.migration.admission import Admission, Limits
from cluster_emu.state import HostColumns

HOSTS = 4


def host_columns(count: int = HOSTS) -> HostColumns:
    whole = np.zeros(count, dtype=np.int64)
    return HostColumns.empty(np.ones(count), whole, whole.copy())


def admission(**limits: int | None) -> Admission[str]:
    return Admission(Limits(**limits), host_columns())


LIMIT = st.one_of(st.none(), st.integers(1, 3))
MIGRATIONS = st.lists(
    st.tuples(st.integers(0, HOSTS - 1), st.integers(0, HOSTS - 1), st.integers(0, 2)),
    min_size=1,
    max_size=25,
)


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
    queue = admission(per_cluster=cluster, outbound_per_host=outbound, inbound_per_host=inbound)
    hosts = queue.hosts
    for number, (source, target, priority) in enumerate(migrations):
        queue.put(str(number), source, target, priority)
    running: list[int] = []
    started: list[int] = []

    def check_and_admit() -> None:
        admitted = [int(item) for item in queue.admit()]
        running.extend(admitted)
        started.extend(admitted)
        assert queue.running == len(running)
        assert len(queue) == len(migrations) - len(started)
        for host in range(HOSTS):
            out = sum(migrations[n][0] == host for n in running)
            into = sum(migrations[n][1] == host for n in running)
            assert (hosts.outgoing[host], hosts.incoming[host]) == (out, into)
            assert outbound is None or out <= outbound
            assert inbound is None or into <= inbound
        assert cluster is None or len(running) <= cluster
        if cluster is None or len(running) < cluster:
            for number in set(range(len(migrations))) - set(started):
                source, target, _ = migrations[number]
                busy = outbound is not None and hosts.outgoing[source] >= outbound
                assert busy or (inbound is not None and hosts.incoming[target] >= inbound)

    check_and_admit()
    for ending in endings:
        if not running:
            break
        number = running.pop(ending % len(running))
        queue.release(*migrations[number][:2])
        check_and_admit()
    while running:
        queue.release(*migrations[running.pop()][:2])
        check_and_admit()
    assert sorted(started) == list(range(len(migrations)))
    assert not hosts.outgoing.any()
    assert not hosts.incoming.any()


@given(MIGRATIONS)
def test_one_at_a_time_they_go_by_priority_and_then_by_arrival(
    migrations: list[tuple[int, int, int]],
) -> None:
    queue = admission(per_cluster=1)
    for number, (source, target, priority) in enumerate(migrations):
        queue.put(str(number), source, target, priority)
    order = []
    while len(queue):
        (item,) = queue.admit()
        order.append(int(item))
        queue.release(*migrations[int(item)][:2])
    assert order == sorted(range(len(migrations)), key=lambda n: (migrations[n][2], n))


def test_one_whose_hosts_are_busy_does_not_hold_up_those_behind_it() -> None:
    queue = admission(outbound_per_host=1)
    for item, source, target in (("a", 0, 1), ("b", 0, 2), ("c", 0, 3), ("d", 2, 3)):
        queue.put(item, source, target, 0)
    assert queue.admit() == ["a", "d"]
    queue.release(0, 1)
    assert queue.admit() == ["b"]


def test_one_that_was_passed_over_keeps_its_place() -> None:
    queue = admission(outbound_per_host=1)
    queue.put("a", 0, 1, 1)
    assert queue.admit() == ["a"]
    queue.put("b", 0, 2, 1)
    assert queue.admit() == []
    queue.put("c", 0, 3, 1)
    queue.put("urgent", 0, 3, 0)
    queue.release(0, 1)
    assert queue.admit() == ["urgent"]
    queue.release(0, 3)
    assert queue.admit() == ["b"]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_dropping_all_gives_back_what_waited_the_most_urgent_first(count: int) -> None:
    queue = admission()
    for number in range(count):
        queue.put(str(number), 0, 1, -number)
    assert queue.drop_all() == [str(number) for number in reversed(range(count))]
    assert len(queue) == 0
    assert queue.admit() == []
