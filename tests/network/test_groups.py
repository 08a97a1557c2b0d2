"""Transfers that are told their rates together."""

import math

import numpy as np
import pytest

from cluster_emu.network import FluidLoop, PlainTransfer, completion_times


class Batch:
    """Sends several sizes at once and notes what it is told."""

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


class One:
    def __init__(self, batch, number):
        self._batch, self._number = batch, number

    def rate_changed(self, now_s, bytes_per_s):
        raise AssertionError("its batch is told")

    def due(self, now_s):
        self._batch.ends[self._number] = now_s


def joined(loop, sizes, links=(0,)):
    batch = Batch(sizes)
    for number in reversed(range(len(sizes))):
        loop.add(One(batch, number), links, group=batch, member=number)
    return batch


def test_a_group_is_told_once_for_all_its_members_in_the_order_of_joining():
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


def test_groups_share_with_those_that_are_told_by_themselves():
    loop = FluidLoop([10.0])
    alone = PlainTransfer(20.0)
    batch = joined(loop, [20.0])
    loop.add(alone, [0])
    loop.run()
    assert alone.end_s == 4.0
    assert batch.ends == {0: 4.0}


def test_a_slot_used_again_belongs_to_nobody_else():
    loop = FluidLoop([10.0])
    batch = joined(loop, [10.0])
    loop.run_until(5.0)
    alone = PlainTransfer(10.0)
    loop.add(alone, [0])
    loop.run()
    assert alone.end_s == 6.0
    assert len(batch.log) == 1


def test_the_prediction_of_a_group_must_be_a_number():
    class Lost(Batch):
        def rates_changed(self, now_s, members, bytes_per_s):
            return np.full(len(members), math.nan)

    loop = FluidLoop([1.0])
    loop.add(One(None, 0), [0], group=Lost([1.0]), member=0)
    with pytest.raises(ValueError, match="predicts its next event at nan"):
        loop.run_until(1.0)


def test_completion_times_are_those_of_single_transfers_bit_for_bit():
    rng = np.random.default_rng(5)
    capacities = rng.uniform(1, 9, 12)
    routes = [rng.choice(12, rng.integers(1, 5), replace=False).tolist() for _ in range(120)]
    sizes, starts = rng.uniform(0, 50, 120), rng.uniform(0, 20, 120)
    loop = FluidLoop(capacities)
    singles = [PlainTransfer(size) for size in sizes]
    for transfer, route, start in zip(singles, routes, starts, strict=True):
        loop.call_at(start, lambda now_s, t=transfer, r=route: loop.add(t, r))
    loop.run()
    times = completion_times(capacities, routes, sizes, starts=starts)
    assert times.tolist() == [transfer.end_s for transfer in singles]
