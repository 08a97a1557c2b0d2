"""Rates after each of many random changes, compared with a solution from scratch."""

import math
import subprocess
import sys
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu._jit import compiled_copy
from cluster_emu.network import (
    PlainTransfers,
    Priority,
    _maxmin_kernels,
    max_min_rates,
    maxmin_incremental,
)
from cluster_emu.network.flows import FlowTable
from cluster_emu.network.maxmin_incremental import INTERPRETED, IncrementalMaxMin

MOST = {"max_examples": 40, "deadline": None}


def compiled():
    return compiled_copy(_maxmin_kernels).solve


@dataclass(frozen=True)
class Meant:
    route: list[int]
    cap: float
    weight: float
    priority: Priority


class Network:
    """Links and flows that change at random, with their rates."""

    def __init__(self, seed, kernel=INTERPRETED, links=6, may_be_inelastic=True):
        self._rng = np.random.default_rng(seed)
        self._may_be_inelastic = may_be_inelastic
        self.capacities = self._rng.choice([0.0, 1.0, 2.0, 5.0, 7.3, 1e3], links)
        self.table = FlowTable()
        self.solver = IncrementalMaxMin(self.table, self.capacities)
        self.solver._kernel = kernel
        self.flows = {}
        self.changes = []

    def change(self):
        """Do a few things, then solve."""
        for _ in range(self._rng.integers(1, 5)):
            act = self._rng.choice([self._join, self._join, self._leave, self._recap, self._slow])
            if self.flows or act == self._join:
                act()
        self._solve()

    def leave_all_but(self, count):
        while len(self.flows) > count:
            self._leave()
            self._solve()

    def rates(self):
        return self.table.columns.rate[[flow.slot for flow in self.flows]]

    def _solve(self):
        slots, links = self.solver.solve(0.0)
        self.table.release_slots()
        self.changes.append((slots.tolist(), links.tolist()))

    def _join(self):
        rng = self._rng
        links = len(self.capacities)
        length = rng.integers(0, min(links, 5))
        meant = Meant(
            route=rng.choice(links, length, replace=bool(rng.random() < 0.2)).tolist(),
            cap=self._cap() if length else float(rng.uniform(1, 5)),
            weight=float(rng.choice([1.0, 1.0, 2.0, rng.uniform(0.01, 10)])),
            priority=(
                Priority.INELASTIC
                if self._may_be_inelastic and rng.random() < 0.3
                else Priority.ELASTIC
            ),
        )
        joined = self.table.join(PlainTransfers([0.0]), 0, meant.route, meant.cap, meant.weight)
        self.flows[joined] = meant
        self.solver.join(joined.slot, meant.priority)

    def _leave(self):
        flow = self._any()
        del self.flows[flow]
        self.solver.leave(self.table.leave(flow))

    def _recap(self):
        flow = self._any()
        cap = self._cap()
        self.flows[flow] = replace(self.flows[flow], cap=cap if self.flows[flow].route else 3.0)
        self.table.set_cap(flow.slot, self.flows[flow].cap)
        self.solver.cap_changed(flow.slot)

    def _slow(self):
        link = int(self._rng.integers(len(self.capacities)))
        self.capacities[link] *= self._rng.choice([0.0, 0.5, 1 + 1e-14, 2.0])
        self.capacities[link] += self._rng.choice([0.0, 1.0])
        self.solver.set_capacity(link, self.capacities[link])

    def _cap(self):
        return float(self._rng.choice([math.inf, math.inf, 0.0, 1.0, self._rng.uniform(0.01, 9)]))

    def _any(self):
        return list(self.flows)[self._rng.integers(len(self.flows))]


def full_solution(network):
    """Return the rates of all flows, found from scratch by the other solver."""
    flows = list(network.flows.values())
    left = network.capacities.copy()
    rates = np.zeros(len(flows))
    for priority in (Priority.INELASTIC, Priority.ELASTIC):
        chosen = [number for number, flow in enumerate(flows) if flow.priority is priority]
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
    network = Network(seed, links=30, may_be_inelastic=False)
    for _ in range(60):
        network.change()
    network.leave_all_but(3)
    np.testing.assert_allclose(network.rates(), full_solution(network), rtol=1e-9, atol=1e-9)


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_every_flow_is_at_its_cap_or_has_a_bottleneck(seed):
    network = Network(seed, links=12, may_be_inelastic=False)
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
@given(st.integers(0, 10**6), st.booleans())
def test_what_is_noted_to_stop_a_flow_is_full_or_its_cap(seed, is_compiled):
    network = Network(seed, compiled() if is_compiled else INTERPRETED, links=8)
    for _ in range(25):
        network.change()
        full = network.solver.load(np.arange(8)) >= network.capacities * (1 - 1e-9)
        for flow, meant in network.flows.items():
            bound = int(network.table.columns.bound_hop[flow.slot])
            rate = float(network.table.columns.rate[flow.slot])
            if bound == _maxmin_kernels.CAP:
                assert rate == pytest.approx(meant.cap, rel=1e-8)
            else:
                hops = network.table.hops(flow.slot)
                assert bound in hops
                assert full[network.table.columns.hop_link[bound]]


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_the_loads_of_links_are_the_sums_of_the_rates(seed):
    network = Network(seed)
    for _ in range(20):
        network.change()
        load = np.zeros(6)
        for flow, rate in zip(network.flows.values(), network.rates(), strict=True):
            np.add.at(load, flow.route, rate)
        np.testing.assert_allclose(network.solver.load(np.arange(6)), load, rtol=1e-12, atol=1e-12)


@settings(**MOST)
@given(st.integers(0, 10**6))
def test_the_load_of_a_link_that_stops_no_flow_is_never_underestimated(seed):
    find_levels = _maxmin_kernels.propagate

    def propagate(flows, links, *rest):
        found = find_levels(flows, links, *rest)
        for link in np.flatnonzero(np.isinf(links.level)):
            first, count = links.first_flow[link], links.flow_count[link]
            of_link = links.flow[first : first + count]
            load = flows.weight[of_link] @ flows.level[of_link]
            assert links.load[link] >= load * (1 - 1e-9) - 1e-9  # more where a flow has left
        return found

    def solve(*everything):
        with mock.patch.object(_maxmin_kernels, "propagate", propagate):
            return _maxmin_kernels.solve(*everything)

    network = Network(seed, solve, links=8)
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
        assert plain.changes[-1] == fast.changes[-1]
    for priority_class in ("_elastic", "_inelastic"):
        of_both = [getattr(network.solver, priority_class) for network in both]
        if all(of_both):
            assert of_both[0].steps == of_both[1].steps
            assert of_both[0].links.load.tobytes() == of_both[1].links.load.tobytes()


@pytest.mark.parametrize("kernel", ["interpreted", "compiled"])
@pytest.mark.parametrize("seed", range(20))
def test_a_search_with_too_many_steps_is_replaced_by_one_from_scratch(monkeypatch, seed, kernel):
    usual, impatient = (
        Network(seed, compiled() if kernel == "compiled" else INTERPRETED) for _ in range(2)
    )
    for _ in range(20):
        usual.change()
        with monkeypatch.context() as patch:
            patch.setattr(maxmin_incremental, "STEPS_PER_HOP", 0)
            patch.setattr(maxmin_incremental, "FEWEST_STEPS", 3)
            impatient.change()
        np.testing.assert_allclose(impatient.rates(), usual.rates(), rtol=1e-12, atol=1e-12)
    assert impatient.solver._elastic.steps > usual.solver._elastic.steps


def test_flows_out_of_reach_of_a_change_are_not_examined():
    table = FlowTable()
    network = IncrementalMaxMin(table, np.full(1000, 10.0))
    transfers = PlainTransfers(np.zeros(5000))
    flows = [
        table.join(transfers, number, [number % 500, 500 + number % 500], math.inf, 1.0)
        for number in range(5000)
    ]
    for flow in flows:
        network.join(flow.slot, Priority.ELASTIC)
    network.solve(0.0)
    before = network._elastic.steps
    network.leave(table.leave(flows[7]))
    changed, links = network.solve(0.0)
    assert len(changed) == 9
    assert sorted(links) == [7, 507]
    assert network._elastic.steps - before < 100


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
