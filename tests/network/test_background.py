"""Background flows: what they send, what migrations cost them, and that no link is overloaded."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.network import BackgroundFlow, BackgroundTraffic, FluidLoop
from tests._support.single_transfers import SingleTransfer


class Square:
    """On for 2 s, off for 3 s, from time 0."""

    def around(self, time_s):
        start = 5.0 * math.floor(time_s / 5.0)
        is_on = time_s - start < 2.0
        return (start, start + 2.0, True) if is_on else (start + 2.0, start + 5.0, False)


def flow(route=(0,), **more):
    return BackgroundFlow(0, 0, 1, tuple(route), **more)


def inelastic(rate, route=(0,), **more):
    return flow(route, inelastic=True, bytes_per_s=rate, **more)


def test_an_elastic_flow_shares_with_a_transfer_and_what_it_lost_is_known():
    loop = FluidLoop([10.0])
    traffic = BackgroundTraffic([flow(weight=3.0)], loop)
    transfer = SingleTransfer(10.0)
    loop.call_at(2.0, lambda now_s: transfer.join(loop, [0]))
    loop.run_until(10.0)
    assert transfer.end_s == 6.0  # a quarter of the link
    (row,) = traffic.rows(10.0)
    assert (row.bytes, row.bytes_without_migrations, row.active_s) == (90.0, 100.0, 10.0)
    assert row.wanted_bytes == math.inf
    assert traffic.figures(10.0) == {
        "background_bytes": 90.0,
        "background_mean_bps": 72.0,
        "background_lost_share": pytest.approx(0.1),
        "background_dropped_share": 0.0,
    }


def test_an_inelastic_flow_loses_nothing_to_a_transfer():
    loop = FluidLoop([10.0])
    traffic = BackgroundTraffic([inelastic(4.0)], loop)
    transfer = SingleTransfer(30.0)
    transfer.join(loop, [0])
    loop.run_until(10.0)
    assert transfer.end_s == 5.0
    (row,) = traffic.rows(10.0)
    assert (row.kind, row.bytes, row.wanted_bytes) == ("inelastic", 40.0, 40.0)
    assert loop.bytes_carried().tolist() == [70.0]
    assert loop.peak_share().tolist() == [1.0]


def test_flows_start_stop_and_pause_at_their_exact_times():
    loop = FluidLoop([10.0])
    window = flow(start_s=1.5, stop_s=3.25)
    pulsed = inelastic(4.0, start_s=1.0, stop_s=11.5, periods=Square())
    traffic = BackgroundTraffic([window, pulsed], loop)
    loop.run_until(20.0)
    first, second = traffic.rows(20.0)
    # on 1 to 2, 5 to 7, 10 to 11.5
    assert (second.active_s, second.bytes) == (4.5, 18.0)
    assert (first.active_s, first.bytes) == (1.75, 0.5 * 6.0 + 1.25 * 10.0)
    assert len(loop) == 0


def test_several_inelastic_flows_that_exceed_a_link_lose_the_same_share():
    loop = FluidLoop([10.0])
    traffic = BackgroundTraffic([inelastic(5.0), inelastic(15.0), flow()], loop)
    loop.run_until(1.0)
    assert [row.bytes for row in traffic.rows(1.0)] == [2.5, 7.5, 0.0]
    assert traffic.figures(1.0)["background_dropped_share"] == 0.5


def test_the_effect_of_a_slower_link_is_not_attributed_to_migrations():
    loop = FluidLoop([10.0])
    traffic = BackgroundTraffic([flow(), inelastic(4.0)], loop)
    loop.call_at(3.0, lambda now_s: loop.set_capacity(0, 2.0))
    loop.call_at(5.0, lambda now_s: loop.set_capacity(0, 10.0))
    loop.run_until(6.0)
    elastic, given_rate = traffic.rows(6.0)
    assert elastic.bytes == elastic.bytes_without_migrations == 3 * 6.0 + 6.0
    assert (given_rate.bytes, given_rate.wanted_bytes) == (3 * 4.0 + 2 * 2.0 + 4.0, 24.0)
    figures = traffic.figures(6.0)
    assert figures["background_lost_share"] == 0.0
    assert figures["background_dropped_share"] == pytest.approx(4.0 / 24.0)


def test_no_flows_send_nothing_and_set_no_timer():
    loop = FluidLoop([10.0])
    assert set(BackgroundTraffic([], loop).figures(0.0).values()) == {0.0}
    assert loop.next_event_s() == math.inf


def test_before_any_time_has_passed_nothing_was_sent():
    (row,) = BackgroundTraffic([flow()], FluidLoop([10.0])).rows(0.0)
    assert (row.bytes, row.wanted_bytes, row.active_s) == (0.0, 0.0, 0.0)


def random_traffic(seed):
    """A loop with background flows, transfers and links that fail, slow down and recover."""
    rng = np.random.default_rng(seed)
    nominal = rng.uniform(1.0, 5.0, 5)
    loop = FluidLoop(nominal)

    def route():
        return rng.choice(5, rng.integers(1, 4), replace=False).tolist()

    flows = [
        BackgroundFlow(
            number,
            0,
            1,
            tuple(route()),
            inelastic=bool(given_rate := rng.random() < 0.5),
            bytes_per_s=float(rng.uniform(0.1, 4.0)) if given_rate else math.inf,
            weight=float(rng.uniform(0.5, 2.0)),
            start_s=float(rng.choice([0.0, 3.0])),
            stop_s=float(rng.choice([9.0, math.inf])),
            periods=Square() if rng.random() < 0.5 else None,
        )
        for number in range(rng.integers(1, 8))
    ]
    traffic = BackgroundTraffic(flows, loop)
    transfers = [SingleTransfer(size) for size in rng.uniform(0.5, 20.0, 8)]
    routes = [route() for _ in transfers]
    for transfer, links, start in zip(transfers, routes, rng.uniform(0, 15, 8), strict=True):
        loop.call_at(start, lambda now_s, t=transfer, r=links: t.join(loop, r))
    for at_s, link, factor in zip(
        rng.uniform(0, 20, 10),
        rng.integers(0, 5, 10),
        rng.choice([0, 0.1, 0.5, 1], 10),
        strict=True,
    ):
        loop.call_at(
            at_s, lambda now_s, k=int(link), f=factor: loop.set_capacity(k, f * nominal[k])
        )
    return loop, flows, traffic, transfers, routes


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 100_000))
def test_no_link_is_ever_above_its_capacity_and_every_byte_is_accounted_for(seed):
    loop, flows, traffic, transfers, routes = random_traffic(seed)
    sizes = [transfer.left_bytes for transfer in transfers]
    loop.run_until(30.0)
    assert loop.peak_share().max() <= 1 + 1e-9
    expected = np.zeros(5)
    for flow, row in zip(flows, traffic.rows(30.0), strict=True):
        expected[list(flow.route)] += row.bytes
        assert row.bytes <= row.wanted_bytes * (1 + 1e-9)
        if flow.inelastic:
            assert row.bytes == pytest.approx(row.bytes_without_migrations, rel=1e-9, abs=1e-9)
    for transfer, size, route in zip(transfers, sizes, routes, strict=True):
        rate = loop.rate(transfer.flow) if transfer.is_in(loop) else 0.0
        if transfer.is_in(loop) and rate:
            expected[route] += size - rate * (transfer.end_s - 30.0)
        else:
            expected[route] += size - transfer.left_bytes
    np.testing.assert_allclose(loop.bytes_carried(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_pieces_a_run_is_cut_into_do_not_change_one_bit(seed):
    whole, cut = random_traffic(seed), random_traffic(seed)
    whole[0].run_until(30.0)
    for until_s in np.linspace(0.1, 30.0, 300).tolist():
        cut[0].run_until(until_s)
        cut[2].rows(until_s)  # asking does not change what is found later
    assert [t.end_s for t in cut[3]] == [t.end_s for t in whole[3]]
    assert cut[2].rows(30.0) == whole[2].rows(30.0)
