"""Inelastic flows take their rate first; elastic flows share what is left."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.network import FluidLoop, Priority, max_min_rates
from tests._support.single_transfers import started


def joined(loop, links=(0,), **options):
    return started(loop, math.inf, links, **options)


def rates_of(loop, *transfers):
    loop.run_until(loop.now_s)
    return [loop.rate(transfer.flow) for transfer in transfers]


def test_inelastic_flows_take_their_rate_and_elastic_flows_share_the_rest():
    loop = FluidLoop([10.0])
    inelastic = joined(loop, cap=4.0, weight=4.0, priority=Priority.INELASTIC)
    others = [joined(loop), joined(loop)]
    assert rates_of(loop, inelastic, *others) == [4.0, 3.0, 3.0]
    loop.remove(inelastic.flow)
    assert rates_of(loop, *others) == [5.0, 5.0]


def test_inelastic_flows_that_exceed_a_link_lose_the_same_share_and_leave_nothing():
    loop = FluidLoop([10.0, 100.0])
    small = joined(loop, cap=5.0, weight=5.0, priority=Priority.INELASTIC)
    large = joined(loop, (0, 1), cap=15.0, weight=15.0, priority=Priority.INELASTIC)
    here, there = joined(loop), joined(loop, (1,))
    assert rates_of(loop, small, large, here, there) == [2.5, 7.5, 0.0, 92.5]


def test_a_full_link_leaves_nothing_in_spite_of_rounding():
    loop = FluidLoop([1.1])
    for _ in range(7):
        joined(loop, cap=1.0, priority=Priority.INELASTIC)
    late = joined(loop)
    assert rates_of(loop, late) == [0.0]


def test_capacity_changes_compose_with_inelastic_flows():
    loop = FluidLoop([10.0])
    inelastic, other = joined(loop, cap=4.0, priority=Priority.INELASTIC), joined(loop)
    for capacity, expected in ((5.0, [4.0, 1.0]), (3.0, [3.0, 0.0]), (0.0, [0.0, 0.0])):
        loop.set_capacity(0, capacity)
        assert rates_of(loop, inelastic, other) == expected
    loop.set_capacity(0, 10.0)
    assert rates_of(loop, inelastic, other) == [4.0, 6.0]
    assert loop.peak_share().tolist() == [1.0]


def test_listeners_get_capacity_changes_with_their_time():
    loop = FluidLoop([10.0, 20.0])
    seen = []
    loop.add_capacity_listener(lambda *change: seen.append(change))
    loop.call_at(3.0, lambda now_s: loop.set_capacity(1, 5.0))
    loop.run_until(4.0)
    assert seen == [(3.0, 1, 5.0)]
    assert loop.capacities.tolist() == [10.0, 5.0]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 100_000))
def test_inelastic_flows_have_the_rates_they_have_alone_and_elastic_ones_share_the_rest(seed):
    rng = np.random.default_rng(seed)
    capacities = rng.uniform(1.0, 9.0, 5)
    loop = FluidLoop(capacities)
    flows = []
    for _ in range(rng.integers(2, 20)):
        route = rng.choice(5, rng.integers(1, 4), replace=False).tolist()
        options = {
            "cap": float(rng.choice([math.inf, rng.uniform(0.1, 4.0)])),
            "weight": float(rng.uniform(0.5, 3.0)),
            "priority": Priority.INELASTIC if rng.random() < 0.5 else Priority.ELASTIC,
        }
        flows.append((joined(loop, route, **options), route, options))
    loop.run_until(0.0)

    def shared(priority, capacities):
        chosen = [flow for flow in flows if flow[2]["priority"] is priority]
        rates = max_min_rates(
            capacities,
            [route for _, route, _ in chosen],
            caps=[options["cap"] for _, _, options in chosen],
            weights=[options["weight"] for _, _, options in chosen],
        )
        return chosen, rates

    chosen, alone = shared(Priority.INELASTIC, capacities)
    load = np.zeros(5)
    for (transfer, route, _), rate in zip(chosen, alone, strict=True):
        load[route] += rate
        assert loop.rate(transfer.flow) == pytest.approx(rate, rel=1e-12)
    for (transfer, _, _), rate in zip(
        *shared(Priority.ELASTIC, np.maximum(capacities - load, 0.0)), strict=True
    ):
        assert loop.rate(transfer.flow) == pytest.approx(rate, rel=1e-9, abs=1e-9)
    assert loop.peak_share().max() <= 1 + 1e-12
