"""Flows whose group is notified of their rates together."""

import math

import numpy as np
import pytest

from cluster_emu.network import FluidLoop, completion_times
from tests._support.single_transfers import SingleTransfer, started


class Batch:
    """Sends several sizes at once and logs its notifications."""

    def __init__(self, sizes):
        self.log = []
        self.ends = {}
        self._left = np.array(sizes, dtype=float)
        self._rate, self._since = np.zeros(len(sizes)), np.zeros(len(sizes))

    def rates_changed(self, now_s, members, bytes_per_s):
        self.log.append((now_s, members.tolist(), bytes_per_s.tolist()))
        self._left[members] -= self._rate[members] * (now_s - self._since[members])
        self._rate[members], self._since[members] = bytes_per_s, now_s
        return now_s + self._left[members] / bytes_per_s

    def due(self, now_s, member):
        self.ends[member] = now_s


def joined(loop, sizes, links=(0,)):
    batch = Batch(sizes)
    for number in reversed(range(len(sizes))):
        loop.add(batch, links, member=number)
    return batch


def test_a_group_is_notified_once_for_all_its_flows_in_the_order_of_joining():
    loop = FluidLoop([12.0, 5.0])
    batch, other = joined(loop, [4.0, 8.0, 20.0]), joined(loop, [10.0], [1])
    loop.run_until(10.0)
    assert batch.log == [
        (0.0, [2, 1, 0], [4.0, 4.0, 4.0]),
        (1.0, [2, 1], [6.0, 6.0]),
        (1.0 + 4 / 6, [2], [12.0]),
    ]
    assert batch.ends == {0: 1.0, 1: 1 + 4 / 6, 2: pytest.approx(32 / 12)}
    assert other.log == [(0.0, [0], [5.0])]


def test_groups_share_a_link():
    loop = FluidLoop([10.0])
    batch = joined(loop, [20.0])
    alone = started(loop, 20.0)
    loop.run()
    assert alone.end_s == 4.0
    assert batch.ends == {0: 4.0}


def test_a_slot_used_again_belongs_to_its_new_group():
    loop = FluidLoop([10.0])
    batch = joined(loop, [10.0])
    loop.run_until(5.0)
    alone = started(loop, 10.0)
    loop.run()
    assert alone.end_s == 6.0
    assert len(batch.log) == 1


def test_the_prediction_of_a_group_must_be_a_number():
    class Lost(Batch):
        def rates_changed(self, now_s, members, bytes_per_s):
            return np.full(len(members), math.nan)

    loop = FluidLoop([1.0])
    loop.add(Lost([1.0]), [0])
    with pytest.raises(ValueError, match="predicts its next event at nan"):
        loop.run_until(1.0)


def test_completion_times_are_those_of_groups_of_one_bit_for_bit():
    rng = np.random.default_rng(5)
    capacities = rng.uniform(1, 9, 12)
    routes = [rng.choice(12, rng.integers(1, 5), replace=False).tolist() for _ in range(120)]
    sizes, starts = rng.uniform(0, 50, 120), rng.uniform(0, 20, 120)
    loop = FluidLoop(capacities)
    singles = [SingleTransfer(size) for size in sizes]
    for transfer, route, start in zip(singles, routes, starts, strict=True):
        loop.call_at(start, lambda now_s, t=transfer, r=route: t.join(loop, r))
    loop.run()
    times = completion_times(capacities, routes, sizes, starts=starts)
    assert times.tolist() == [transfer.end_s for transfer in singles]


def test_groups_of_one_instant_are_notified_in_the_order_in_which_they_entered():
    loop = FluidLoop([13.0])
    log = []

    class Logged(Batch):
        def rates_changed(self, now_s, members, bytes_per_s):
            log.append((self, members.tolist(), bytes_per_s.tolist()))
            return super().rates_changed(now_s, members, bytes_per_s)

    first, second, third = (Logged([99.0] * 4) for _ in range(3))
    for group, member in ((first, 3), (second, 0), (first, 1), (third, 2), (second, 2)):
        loop.add(group, [0], member=member, weight=1.0 + member)
    loop.run_until(0.0)
    assert log == [
        (first, [3, 1], [4.0, 2.0]),
        (second, [0, 2], [1.0, 3.0]),
        (third, [2], [3.0]),
    ]
