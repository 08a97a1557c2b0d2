"""Rates kept right as things change, held against a full solution each time."""

import math
import subprocess
import sys
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.network import max_min_rates, ripple, shares
from cluster_emu.network.compiling import INTERPRETED, compiled
from cluster_emu.network.flows import FlowTable
from cluster_emu.network.shares import Shares

MOST = {"max_examples": 40, "deadline": None}


@dataclass(frozen=True)
class Flow:
    route: list[int]
    cap: float
    weight: float
    first: bool


class Network:
    """Links and flows that change at random, with their rates."""

    def __init__(self, seed, kernel=INTERPRETED, links=6, may_go_first=True):
        self._rng = np.random.default_rng(seed)
        self._may_go_first = may_go_first
        self.capacities = self._rng.choice([0.0, 1.0, 2.0, 5.0, 7.3, 1e3], links)
        self.table = FlowTable()
        self.shares = Shares(self.table, self.capacities)
        self.shares._kernel = lambda: kernel
        self.flows = {}
        self.told = []

    def change(self):
        """Do a few things, then share anew."""
        for _ in range(self._rng.integers(1, 5)):
            act = self._rng.choice([self._join, self._join, self._leave, self._recap, self._slow])
            if self.flows or act == self._join:
                act()
        self._renew()

    def leave_all_but(self, count):
        while len(self.flows) > count:
            self._leave()
            self._renew()

    def rates(self):
        return self.table.columns.rate[[self.table.slot(transfer) for transfer in self.flows]]

    def _renew(self):
        slots, links = self.shares.renew()
        self.table.refresh()
        self.told.append((slots.tolist(), links.tolist()))

    def _join(self):
        rng = self._rng
        links = len(self.capacities)
        length = rng.integers(0, min(links, 5))
        flow = Flow(
            route=rng.choice(links, length, replace=bool(rng.random() < 0.2)).tolist(),
            cap=self._cap() if length else float(rng.uniform(1, 5)),
            weight=float(rng.choice([1.0, 1.0, 2.0, rng.uniform(0.01, 10)])),
            first=bool(self._may_go_first and rng.random() < 0.3),
        )
        transfer = object()
        self.flows[transfer] = flow
        slot = self.table.join(transfer, flow.route, flow.cap, flow.weight)
        self.shares.join(slot, first=flow.first)

    def _leave(self):
        transfer = self._any()
        del self.flows[transfer]
        self.shares.leave(self.table.leave(transfer))

    def _recap(self):
        transfer = self._any()
        self.flows[transfer] = replace(self.flows[transfer], cap=self._cap())
        if not self.flows[transfer].route:
            self.flows[transfer] = replace(self.flows[transfer], cap=3.0)
        slot = self.table.slot(transfer)
        self.table.set_cap(slot, self.flows[transfer].cap)
        self.shares.cap_changed(slot)

    def _slow(self):
        link = int(self._rng.integers(len(self.capacities)))
        self.capacities[link] *= self._rng.choice([0.0, 0.5, 1 + 1e-14, 2.0])
        self.capacities[link] += self._rng.choice([0.0, 1.0])
        self.shares.set_capacity(link, self.capacities[link])

    def _cap(self):
        return float(self._rng.choice([math.inf, math.inf, 0.0, 1.0, self._rng.uniform(0.01, 9)]))

    def _any(self):
        return list(self.flows)[self._rng.integers(len(self.flows))]


def full_solution(network):
    """Return the rates of all flows, found from nothing by the other solver."""
    flows = list(network.flows.values())
    left = network.capacities.copy()
    rates = np.zeros(len(flows))
    for first in (True, False):
        chosen = [number for number, flow in enumerate(flows) if flow.first is first]
        rates[chosen] = max_min_rates(
            left,
            [flows[number].route for number in chosen],
            caps=[flows[number].cap for number in chosen],
            weights=[flows[number].weight for number in chosen],
        )
        for number in chosen:
            np.subtract.at(left, flows[number].route, rates[number])
        left[left <= 1e-12 * network.capacities] = 0.0
    return rates


@settings(**MOST)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_rates_equal_the_full_solution_after_every_change(seed, changes):
    network = Network(seed)
    for _ in range(changes):
        network.change()
        np.testing.assert_allclose(network.rates(), full_solution(network), rtol=1e-9, atol=1e-9)


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_many_flows_and_links_with_few_left_in_the_end(seed):
    network = Network(seed, links=30, may_go_first=False)
    for _ in range(60):
        network.change()
    network.leave_all_but(3)
    np.testing.assert_allclose(network.rates(), full_solution(network), rtol=1e-9, atol=1e-9)


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_every_flow_is_at_its_cap_or_has_a_bottleneck(seed):
    network = Network(seed, links=12, may_go_first=False)
    for _ in range(25):
        network.change()
        flows = list(network.flows.values())
        rates = network.rates()
        load, highest = np.zeros(12), np.zeros(12)
        for flow, rate in zip(flows, rates, strict=True):
            np.add.at(load, flow.route, rate)
            np.maximum.at(highest, flow.route, rate / flow.weight)
        assert (load <= network.capacities * (1 + 1e-9)).all()
        full = load >= network.capacities * (1 - 1e-9)
        for flow, rate in zip(flows, rates, strict=True):
            level = rate / flow.weight
            bottlenecks = [
                link for link in flow.route if full[link] and level >= highest[link] * (1 - 1e-9)
            ]
            assert bottlenecks or rate >= flow.cap * (1 - 1e-9)


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_the_loads_of_links_are_the_sums_of_the_rates(seed):
    network = Network(seed)
    for _ in range(20):
        network.change()
        load = np.zeros(6)
        for flow, rate in zip(network.flows.values(), network.rates(), strict=True):
            np.add.at(load, flow.route, rate)
        np.testing.assert_allclose(network.shares.load(np.arange(6)), load, rtol=1e-12, atol=1e-12)


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_the_load_of_a_link_that_stops_no_flow_is_never_taken_for_less(seed):
    find_levels = ripple.follow

    def follow(flows, links, *rest):
        found = find_levels(flows, links, *rest)
        for link in np.flatnonzero(np.isinf(links.level)):
            begin, count = links.begin[link], links.count[link]
            members = links.member[begin : begin + count]
            load = flows.weight[members] @ flows.level[members]
            assert links.load[link] >= load * (1 - 1e-9) - 1e-9  # more where a flow has left
        return found

    def renew(*everything):
        with mock.patch.object(ripple, "follow", follow):
            return ripple.renew(*everything)

    network = Network(seed, renew, links=8)
    for _ in range(20):
        network.change()


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_compiled_and_interpreted_give_the_same_bits(seed):
    both = [Network(seed, kernel, links=10) for kernel in (INTERPRETED, compiled())]
    for _ in range(40):
        for network in both:
            network.change()
        plain, fast = both
        assert plain.rates().tobytes() == fast.rates().tobytes()
        assert plain.told[-1] == fast.told[-1]
    for tier in ("_rest", "_first"):
        of_both = [getattr(network.shares, tier) for network in both]
        if all(of_both):
            assert of_both[0].steps == of_both[1].steps
            assert of_both[0].links.load.tobytes() == of_both[1].links.load.tobytes()


@pytest.mark.parametrize("kernel", ["interpreted", "compiled"])
@pytest.mark.parametrize("seed", range(20))
def test_a_change_that_leads_too_far_is_given_up_for_all_anew(monkeypatch, seed, kernel):
    usual, impatient = (
        Network(seed, compiled() if kernel == "compiled" else INTERPRETED) for _ in range(2)
    )
    for _ in range(20):
        usual.change()
        with monkeypatch.context() as patch:
            patch.setattr(shares, "STEPS_PER_CROSSING", 0)
            patch.setattr(shares, "FEWEST_STEPS", 3)
            impatient.change()
        np.testing.assert_allclose(impatient.rates(), usual.rates(), rtol=1e-12, atol=1e-12)
    assert impatient.shares._rest.steps > usual.shares._rest.steps


def test_what_is_not_reached_is_not_looked_at():
    table = FlowTable()
    network = Shares(table, np.full(1000, 10.0))
    pairs = [object() for _ in range(5000)]
    for number, transfer in enumerate(pairs):
        network.join(
            table.join(transfer, [number % 500, 500 + number % 500], math.inf, 1.0), first=False
        )
    network.renew()
    before = network._rest.steps
    network.leave(table.leave(pairs[7]))
    told, links = network.renew()
    assert len(told) == 9
    assert sorted(links) == [7, 507]
    assert network._rest.steps - before < 100


def test_small_runs_do_not_load_the_compiler_and_large_ones_do():
    code = """
import sys
from cluster_emu.network import completion_times
import cluster_emu.model
times = completion_times([1.0], [[0]] * 400, [1.0] * 400)
assert set(times) == {400.0}
assert "numba" not in sys.modules
times = completion_times([1.0], [[0]] * 600, [1.0] * 600)
assert set(times) == {600.0}
assert "numba" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
