"""For how long its cap and each link stop a flow, against times found by hand."""

import math

import pytest

from cluster_emu.network import FluidLoop, Priority
from tests._support.single_transfers import SingleTransfer


class Endless(SingleTransfer):
    """Sends for good."""

    def __init__(self):
        super().__init__(math.inf)


def joined(loop, links, **more):
    return loop.add(Endless(), links, **more)


def test_a_flow_alone_is_stopped_by_the_narrowest_link():
    loop = FluidLoop([10.0, 4.0, 10.0])
    flow = joined(loop, [0, 1, 2])
    loop.run_until(7.0)
    assert loop.take_bound_s(flow) == (0.0, {1: 7.0})


def test_of_equal_links_the_first_one_counts():
    loop = FluidLoop([10.0, 10.0])
    flow = joined(loop, [0, 1])
    loop.run_until(2.0)
    assert loop.take_bound_s(flow) == (0.0, {0: 2.0})


def test_times_are_split_where_the_constraint_changes():
    """Alone it is at its cap of 8; from 3 to 5 another flow halves link 0; then link 1 slows."""
    loop = FluidLoop([10.0, 20.0])
    flow = joined(loop, [0, 1], cap=8.0)
    loop.run_until(3.0)
    other = joined(loop, [0])
    loop.run_until(5.0)
    loop.remove(other)
    loop.run_until(6.0)
    loop.set_capacity(1, 2.0)
    loop.run_until(10.0)
    assert loop.rate(flow) == 2.0
    cap_s, by_link = loop.take_bound_s(flow)
    assert cap_s == pytest.approx(4.0)
    assert by_link == pytest.approx({0: 2.0, 1: 4.0})


def test_a_link_that_is_down_and_inelastic_traffic_count_as_the_link():
    loop = FluidLoop([10.0, 10.0])
    flow = joined(loop, [0, 1])
    loop.set_capacity(1, 0.0)
    loop.run_until(1.0)
    loop.set_capacity(1, 10.0)
    joined(loop, [0], cap=9.0, priority=Priority.INELASTIC)
    loop.run_until(3.0)
    assert loop.rate(flow) == pytest.approx(1.0)
    assert loop.take_bound_s(flow) == (0.0, pytest.approx({0: 2.0, 1: 1.0}))


def test_a_tie_ends_without_a_new_rate():
    """Both links give 5; link 0 gets room, so that from then on link 1 alone stops the flow."""
    loop = FluidLoop([10.0, 10.0])
    flow = joined(loop, [0, 1])
    first, _ = joined(loop, [0]), joined(loop, [1])
    loop.run_until(4.0)
    loop.remove(first)
    loop.run_until(9.0)
    assert loop.rate(flow) == 5.0
    assert loop.take_bound_s(flow) == (0.0, {0: 4.0, 1: 5.0})


def test_what_was_taken_does_not_count_again():
    loop = FluidLoop([10.0])
    flow = joined(loop, [0])
    loop.run_until(2.0)
    loop.take_bound_s(flow)
    loop.run_until(5.0)
    assert loop.take_bound_s(flow) == (0.0, {0: 3.0})
    loop.set_cap(flow, 0.0)
    loop.run_until(6.0)
    assert loop.take_bound_s(flow) == (1.0, {})
