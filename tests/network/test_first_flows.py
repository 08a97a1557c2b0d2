"""Flows that go before others: a given rate taken first, the rest shared."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.network import FluidLoop, PlainTransfer, max_min_rates


def joined(loop, links=(0,), **options):
    transfer = PlainTransfer(math.inf)
    loop.add(transfer, links, **options)
    return transfer


def rates_of(loop, *transfers):
    loop.run_until(loop.now_s)
    return [loop.rate(transfer) for transfer in transfers]


def test_a_given_rate_is_taken_first_and_the_others_share_the_rest():
    loop = FluidLoop([10.0])
    given_rate = joined(loop, cap=4.0, weight=4.0, first=True)
    others = [joined(loop), joined(loop)]
    assert rates_of(loop, given_rate, *others) == [4.0, 3.0, 3.0]
    loop.remove(given_rate)
    assert rates_of(loop, *others) == [5.0, 5.0]


def test_given_rates_that_exceed_a_link_are_cut_by_one_share_and_leave_nothing():
    loop = FluidLoop([10.0, 100.0])
    small = joined(loop, cap=5.0, weight=5.0, first=True)
    large = joined(loop, (0, 1), cap=15.0, weight=15.0, first=True)
    here, there = joined(loop), joined(loop, (1,))
    assert rates_of(loop, small, large, here, there) == [2.5, 7.5, 0.0, 92.5]


def test_a_full_link_leaves_nothing_whatever_rounding_says():
    loop = FluidLoop([1.1])
    for _ in range(7):
        joined(loop, cap=1.0, first=True)
    late = joined(loop)
    assert rates_of(loop, late) == [0.0]


def test_capacity_changes_compose_with_given_rates():
    loop = FluidLoop([10.0])
    given_rate, other = joined(loop, cap=4.0, first=True), joined(loop)
    for capacity, expected in ((5.0, [4.0, 1.0]), (3.0, [3.0, 0.0]), (0.0, [0.0, 0.0])):
        loop.set_capacity(0, capacity)
        assert rates_of(loop, given_rate, other) == expected
    loop.set_capacity(0, 10.0)
    assert rates_of(loop, given_rate, other) == [4.0, 6.0]
    assert loop.peak_share().tolist() == [1.0]


def test_capacity_changes_are_told_with_their_time():
    loop = FluidLoop([10.0, 20.0])
    seen = []
    loop.watch_capacities(lambda *told: seen.append(told))
    loop.call_at(3.0, lambda now_s: loop.set_capacity(1, 5.0))
    loop.run_until(4.0)
    assert seen == [(3.0, 1, 5.0)]
    assert loop.capacities.tolist() == [10.0, 5.0]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 100_000))
def test_first_flows_have_the_rates_they_have_alone_and_the_rest_share_what_is_left(seed):
    rng = np.random.default_rng(seed)
    capacities = rng.uniform(1.0, 9.0, 5)
    loop = FluidLoop(capacities)
    flows = []
    for _ in range(rng.integers(2, 20)):
        route = rng.choice(5, rng.integers(1, 4), replace=False).tolist()
        options = {
            "cap": float(rng.choice([math.inf, rng.uniform(0.1, 4.0)])),
            "weight": float(rng.uniform(0.5, 3.0)),
            "first": bool(rng.random() < 0.5),
        }
        flows.append((joined(loop, route, **options), route, options))
    loop.run_until(0.0)

    def shared(first, limits):
        chosen = [flow for flow in flows if flow[2]["first"] is first]
        rates = max_min_rates(
            limits,
            [route for _, route, _ in chosen],
            caps=[options["cap"] for _, _, options in chosen],
            weights=[options["weight"] for _, _, options in chosen],
        )
        return chosen, rates

    chosen, alone = shared(True, capacities)
    load = np.zeros(5)
    for (transfer, route, _), rate in zip(chosen, alone, strict=True):
        load[route] += rate
        assert loop.rate(transfer) == pytest.approx(rate, rel=1e-12)
    for (transfer, _, _), rate in zip(
        *shared(False, np.maximum(capacities - load, 0.0)), strict=True
    ):
        assert loop.rate(transfer) == pytest.approx(rate, rel=1e-9, abs=1e-9)
    assert loop.peak_share().max() <= 1 + 1e-12
