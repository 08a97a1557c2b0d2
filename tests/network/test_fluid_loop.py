import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.network import FluidLoop, same_instant_s
from tests._support.single_transfers import SingleTransfer, started


class Recorder(SingleTransfer):
    """Logs its notifications and events, in a log that several may share."""

    def __init__(self, size_bytes, name="", log=None):
        super().__init__(size_bytes)
        self.name = name
        self.log = [] if log is None else log

    def rate_changed(self, now_s, bytes_per_s):
        self.log.append((self.name, "rate", now_s, bytes_per_s))
        return super().rate_changed(now_s, bytes_per_s)

    def due(self, now_s, member):
        self.log.append((self.name, "due", now_s))
        return super().due(now_s, member)


class Stages(SingleTransfer):
    """Sends several sizes in turn, like the rounds of a migration."""

    def __init__(self, sizes):
        self.ends = []
        self._left = list(sizes)
        self._rate = self._since = 0.0

    def rate_changed(self, now_s, bytes_per_s):
        self._left[0] -= self._rate * (now_s - self._since)
        return self._predicted(now_s, bytes_per_s)

    def due(self, now_s, member):
        self.ends.append(now_s)
        self._left.pop(0)
        return self._predicted(now_s, self._rate) if self._left else None

    def _predicted(self, now_s, rate):
        self._rate, self._since = rate, now_s
        return now_s + self._left[0] / rate if rate else math.inf


class Restless(SingleTransfer):
    """Always due again at once."""

    def rate_changed(self, now_s, bytes_per_s):
        return now_s

    def due(self, now_s, member):
        return now_s


def test_two_flows_share_and_the_second_speeds_up_when_the_first_has_gone():
    loop = FluidLoop([10.0])
    short, long = started(loop, 20.0), started(loop, 100.0)
    loop.run_until(1.0)
    assert (loop.rate(short.flow), loop.rate(long.flow)) == (5.0, 5.0)
    loop.run_until(20.0)
    assert (short.end_s, long.end_s) == (4.0, 12.0)
    assert loop.now_s == 20.0
    assert len(loop) == 0


def test_a_flow_that_joins_later_is_notified_before_the_next_event():
    loop = FluidLoop([10.0])
    first = started(loop, 100.0)
    loop.run_until(4.0)
    second = started(loop, 30.0)
    assert loop.rate(second.flow) == 0.0
    assert loop.next_event_s() == 4.0
    loop.run()
    assert (first.end_s, second.end_s, loop.now_s) == (13.0, 10.0, 13.0)


def test_only_flows_whose_rate_changed_are_notified():
    loop = FluidLoop([10.0, 10.0])
    log = []
    Recorder(20.0, "a", log).join(loop, [0])
    Recorder(40.0, "b", log).join(loop, [0])
    Recorder(90.0, "alone", log).join(loop, [1])
    loop.run_until(5.0)
    assert log == [
        ("a", "rate", 0.0, 5.0),
        ("b", "rate", 0.0, 5.0),
        ("alone", "rate", 0.0, 10.0),
        ("a", "due", 4.0),
        ("b", "rate", 4.0, 10.0),
    ]


def test_rates_are_solved_once_after_all_events_of_an_instant():
    loop = FluidLoop([9.0])
    log = []
    Recorder(9.0, "a", log).join(loop, [0])
    Recorder(9.0, "b", log).join(loop, [0])
    Recorder(30.0, "c", log).join(loop, [0])
    loop.call_at(3.0, lambda now: Recorder(1.0, "d", log).join(loop, [0]))
    loop.run_until(3.0)
    assert log[3:] == [
        ("a", "due", 3.0),
        ("b", "due", 3.0),
        ("c", "rate", 3.0, 4.5),
        ("d", "rate", 3.0, 4.5),
    ]


def test_in_one_instant_timers_come_first_then_flows_as_they_joined():
    loop = FluidLoop([9.0])
    log = []
    for name in "xyz":
        Recorder(9.0, name, log).join(loop, [0])
    loop.call_at(3.0, lambda now: log.append("first set"))
    loop.call_at(3.0, lambda now: log.append("second set"))
    loop.run_until(2.0)
    log.clear()
    loop.run_until(3.0)
    assert log == ["first set", "second set", *[(name, "due", 3.0) for name in "xyz"]]


def test_the_order_is_that_of_joining_even_where_slots_are_used_again():
    loop = FluidLoop([8.0])
    log = []
    early = [Recorder(8.0, name, log) for name in "abc"]
    for transfer in early:
        transfer.join(loop, [0])
    loop.run_until(1.0)
    for transfer in early[::-1]:
        loop.remove(transfer.flow)
    for name in "de":
        Recorder(8.0, name, log).join(loop, [0])
    loop.run_until(2.0)
    Recorder(4.0, "f", log).join(loop, [0])
    loop.run_until(2.0)
    Recorder(4.0, "g", log).join(loop, [0])
    log.clear()
    loop.run()
    assert [entry[0] for entry in log if entry[1] == "due"] == [*"defg"]
    assert len({entry[2] for entry in log if entry[1] == "due"}) == 1


def test_events_of_one_instant_within_rounding_are_one_instant():
    loop = FluidLoop([2.0])
    log = []
    Recorder(1.0, "a", log).join(loop, [0])
    Recorder(1.0 + 1e-13, "b", log).join(loop, [0])
    Recorder(9.0, "c", log).join(loop, [0])
    loop.run_until(2.0)
    assert [entry for entry in log if entry[2] > 0] == [
        ("a", "due", 1.5),
        ("b", "due", 1.5),
        ("c", "rate", 1.5, 2.0),
    ]


@pytest.mark.parametrize(
    ("time_s", "width_s"), [(0.0, 0.0), (10.0, 1e-11), (1e5, 1e-9), (1e8, 8 * 2.0**-26)]
)
def test_the_width_of_an_instant(time_s, width_s):
    assert same_instant_s(time_s) == pytest.approx(width_s, abs=1e-300)


def test_stages_follow_one_another_without_solving_the_rates_again():
    loop = FluidLoop([10.0])
    rounds, other = Stages([10.0, 0.0, 5.0]), Recorder(100.0)
    rounds.join(loop, [0])
    other.join(loop, [0])
    loop.run_until(2.5)
    assert rounds.ends == [2.0, 2.0]
    assert len(other.log) == 1
    loop.run_until(3.0)
    assert rounds.ends == [2.0, 2.0, 3.0]
    assert other.log[-1] == ("", "rate", 3.0, 10.0)


def test_a_flow_without_links_and_cap_is_done_at_once():
    loop = FluidLoop([])
    transfer = started(loop, 1e12, links=[])
    capped = started(loop, 6.0, links=[], cap=2.0)
    loop.run_until(0.0)
    assert transfer.flow not in loop
    assert transfer.end_s == 0.0
    loop.run()
    assert capped.end_s == 3.0


def test_a_link_that_slows_down_goes_down_and_comes_back():
    loop = FluidLoop([10.0])
    transfer = started(loop, 100.0)
    loop.call_at(2.0, lambda now: loop.set_capacity(0, 5.0))
    loop.call_at(4.0, lambda now: loop.set_capacity(0, 0.0))
    loop.call_at(9.0, lambda now: loop.set_capacity(0, 35.0))
    loop.run_until(5.0)
    assert loop.rate(transfer.flow) == 0.0
    assert loop.next_event_s() == 9.0
    loop.run()
    assert transfer.end_s == 11.0
    assert loop.bytes_carried().tolist() == [100.0]
    assert loop.peak_share().tolist() == [1.0]


def test_the_load_of_a_link_is_measured_against_the_capacity_it_has():
    loop = FluidLoop([10.0, 40.0])
    started(loop, 100.0, links=[0, 1], cap=5.0)
    loop.run_until(1.0)
    assert loop.link_load().tolist() == [5.0, 5.0]
    assert loop.peak_share().tolist() == [0.5, 0.125]
    loop.set_capacity(1, 6.25)
    loop.run_until(3.0)
    assert loop.peak_share().tolist() == [0.5, 0.8]
    assert loop.bytes_carried().tolist() == [15.0, 15.0]


def test_a_flow_that_is_removed_leaves_its_share_to_the_others():
    loop = FluidLoop([10.0])
    gone, stays = started(loop, 100.0), started(loop, 100.0)
    loop.run_until(4.0)
    loop.remove(gone.flow)
    loop.run()
    assert stays.end_s == 12.0
    assert gone.flow not in loop
    assert loop.bytes_carried().tolist() == [120.0]


def test_a_flow_may_come_back():
    loop = FluidLoop([10.0, 5.0])
    transfer = started(loop, 100.0)
    loop.run_until(4.0)
    loop.remove(transfer.flow)
    transfer.rate_changed(4.0, 0.0)
    transfer.join(loop, [1])
    loop.run()
    assert transfer.end_s == 16.0


def test_caps_change_the_shares():
    loop = FluidLoop([10.0])
    slowed, other = started(loop, 100.0), started(loop, 100.0)
    loop.call_at(4.0, lambda now: loop.set_cap(slowed.flow, 2.0))
    loop.run_until(5.0)
    assert (loop.rate(slowed.flow), loop.rate(other.flow)) == (2.0, 8.0)


def test_weights_divide_the_link():
    loop = FluidLoop([10.0])
    light, heavy = started(loop, 100.0), started(loop, 100.0, weight=4.0)
    loop.run_until(0.0)
    assert (loop.rate(light.flow), loop.rate(heavy.flow)) == (2.0, 8.0)


def test_a_prediction_can_be_replaced():
    loop = FluidLoop([10.0])
    log = []
    transfer = Recorder(100.0, log=log)
    transfer.join(loop, [0])
    loop.run_until(1.0)
    loop.reschedule(transfer.flow, 3.0)
    loop.run_until(9.0)
    assert log[-1] == ("", "due", 3.0)
    late = Recorder(10.0, log=log)
    late.join(loop, [0])
    loop.run_until(9.0)
    loop.reschedule(late.flow, 50.0)
    loop.run_until(49.0)
    assert late.flow in loop


def test_a_prediction_before_now_counts_as_now():
    loop = FluidLoop([10.0])
    transfer = started(loop, 100.0)
    loop.run_until(5.0)
    loop.reschedule(transfer.flow, 1.0)
    assert loop.next_event_s() == 5.0


def test_a_cancelled_timer_does_not_act():
    loop = FluidLoop([1.0])
    called = []
    timer = loop.call_at(1.0, called.append)
    loop.call_at(2.0, called.append)
    loop.cancel(timer)
    assert loop.next_event_s() == 2.0
    loop.run_until(3.0)
    assert called == [2.0]


def test_a_timer_may_cancel_one_of_its_own_instant_and_set_another():
    loop = FluidLoop([1.0])
    called = []
    loop.call_at(1.0, lambda now: loop.cancel(doomed))
    doomed = loop.call_at(1.0, lambda now: called.append("doomed"))
    loop.call_at(1.0, lambda now: loop.call_at(now, lambda now: called.append("set just now")))
    loop.run_until(1.0)
    assert called == ["set just now"]


def test_a_flow_removed_by_another_in_the_same_instant_does_not_act():
    loop = FluidLoop([10.0])
    victim = Recorder(10.0)

    class Killer(SingleTransfer):
        def due(self, now_s, member):
            loop.remove(victim.flow)
            loop.remove(self.flow)

    Killer(10.0).join(loop, [0])
    victim.join(loop, [0])
    loop.run()
    assert [entry[1] for entry in victim.log] == ["rate"]
    assert loop.now_s == 2.0


def test_a_flow_rescheduled_by_another_in_the_same_instant_acts_later():
    loop = FluidLoop([10.0])
    delayed = Recorder(10.0)

    class Delayer(SingleTransfer):
        def due(self, now_s, member):
            loop.reschedule(delayed.flow, 7.0)

    Delayer(10.0).join(loop, [0])
    delayed.join(loop, [0], cap=5.0)
    loop.run()
    assert [entry for entry in delayed.log if entry[1] == "due"] == [("", "due", 7.0)]


def test_a_flow_that_joins_a_link_that_is_down_is_notified_of_rate_zero():
    loop = FluidLoop([0.0])
    transfer = Recorder(1.0)
    transfer.join(loop, [0])
    loop.run_until(3.0)
    assert transfer.log == [("", "rate", 0.0, 0.0)]
    assert loop.next_event_s() == math.inf


def test_a_rate_that_moves_by_rounding_alone_is_not_notified():
    loop = FluidLoop([10.0])
    transfer = Recorder(100.0)
    transfer.join(loop, [0])
    loop.call_at(1.0, lambda now: loop.set_capacity(0, 10.0 * (1 + 1e-14)))
    loop.call_at(2.0, lambda now: loop.set_capacity(0, 10.0 * (1 + 1e-9)))
    loop.run_until(3.0)
    assert [entry[2] for entry in transfer.log] == [0.0, 2.0]


def test_a_flow_may_add_another_while_it_acts():
    loop = FluidLoop([10.0])
    second = SingleTransfer(20.0)

    class First(SingleTransfer):
        def due(self, now_s, member):
            second.join(loop, [0])

    First(10.0).join(loop, [0])
    loop.run()
    assert second.end_s == 3.0


def test_flows_are_listed_in_the_order_of_joining():
    loop = FluidLoop([1.0])
    first, second, third = (started(loop, 1.0) for _ in range(3))
    loop.run_until(0.1)
    loop.remove(second.flow)
    fourth = started(loop, 1.0)
    assert loop.flows == [first.flow, third.flow, fourth.flow]


def test_more_flows_than_the_table_begins_with():
    loop = FluidLoop([1.0])
    transfers = [started(loop, 1.0) for _ in range(1000)]
    loop.run()
    assert {transfer.end_s for transfer in transfers} == {1000.0}


class Slices:
    """A random scenario that can be run in one piece or in many."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.capacities = rng.uniform(1.0, 5.0, 6)
        self.sizes = rng.uniform(0.5, 20.0, 40)
        self.starts = rng.uniform(0.0, 10.0, 40)
        self.routes = [
            rng.choice(6, size=n, replace=False).tolist() for n in rng.integers(1, 4, 40)
        ]
        self.faults = list(
            zip(rng.uniform(0, 20, 8), rng.integers(0, 6, 8), rng.uniform(0, 5, 8), strict=True)
        )
        self.removals = rng.uniform(5.0, 30.0, 3)

    def loop(self):
        loop = FluidLoop(self.capacities)
        transfers = [SingleTransfer(size) for size in self.sizes]
        for transfer, start, route in zip(transfers, self.starts, self.routes, strict=True):
            loop.call_at(start, lambda now, t=transfer, r=route: t.join(loop, r))
        for time, link, capacity in self.faults:
            loop.call_at(time, lambda now, k=int(link), c=capacity: loop.set_capacity(k, c))
        for victim, time in zip(transfers, self.removals, strict=False):
            loop.call_at(time, lambda now, v=victim: v.is_in(loop) and loop.remove(v.flow))
        return loop, transfers


@pytest.mark.parametrize("seed", range(3))
def test_the_pieces_a_run_is_cut_into_do_not_change_one_bit(seed):
    scenario = Slices(seed)
    whole, expected = scenario.loop()
    whole.run_until(100.0)
    assert sum(math.isfinite(transfer.end_s) for transfer in expected) > 30
    for pieces in (2, 1000):
        cut, transfers = scenario.loop()
        for piece in range(1, pieces + 1):
            cut.run_until(100.0 * piece / pieces)
        assert [t.end_s for t in transfers] == [t.end_s for t in expected]
        assert cut.bytes_carried().tobytes() == whole.bytes_carried().tobytes()
        assert cut.peak_share().tobytes() == whole.peak_share().tobytes()


def test_a_cut_between_two_events_of_one_instant_does_not_matter():
    def run(cuts):
        loop = FluidLoop([2.0])
        log = []
        Recorder(1.0, "a", log).join(loop, [0])
        Recorder(1.0 + 1e-13, "b", log).join(loop, [0])
        Recorder(9.0, "c", log).join(loop, [0])
        for cut in cuts:
            loop.run_until(cut)
        return log

    between = math.nextafter(1.5, 2.0)
    assert run([1.5, between, 10.0]) == run([10.0])


@given(st.integers(0, 10_000))
def test_no_link_is_ever_above_capacity_and_every_byte_is_carried(seed):
    rng = np.random.default_rng(seed)
    loop = FluidLoop(rng.choice([1.0, 2.0, 2.0 + 1e-12, 5.0], 4))
    expected = np.zeros(4)
    for _ in range(rng.integers(1, 12)):
        route = rng.choice(4, size=rng.integers(1, 4), replace=False).tolist()
        size, start = float(rng.integers(0, 9)), float(rng.integers(0, 4))
        expected[route] += size
        cap = float(rng.choice([0.5, 1.0, math.inf]))
        loop.call_at(start, lambda now, s=size, r=route, c=cap: started(loop, s, r, cap=c))
    loop.call_at(2.0, lambda now: loop.set_capacity(0, 0.25))
    loop.run()
    assert len(loop) == 0
    assert (loop.peak_share() <= 1 + 1e-9).all()
    np.testing.assert_allclose(loop.bytes_carried(), expected, rtol=1e-9, atol=1e-9)


def test_the_peak_may_be_just_full():
    loop = FluidLoop([3.0])
    for _ in range(7):
        started(loop, 1.0)
    loop.run()
    assert loop.peak_share() == pytest.approx(1.0, rel=1e-12)


def test_a_flow_that_is_always_due_is_stopped():
    loop = FluidLoop([1.0])
    Restless().join(loop, [0])
    with pytest.raises(RuntimeError, match="time does not move on"):
        loop.run_until(1.0)


def test_a_timer_that_sets_itself_again_at_once_is_stopped():
    loop = FluidLoop([1.0])

    def again(now):
        loop.call_at(now, again)

    loop.call_at(0.5, again)
    with pytest.raises(RuntimeError, match=r"events at 0.5 s: time does not move on"):
        loop.run_until(1.0)


def test_a_prediction_must_be_a_number():
    class Lost(SingleTransfer):
        def rate_changed(self, now_s, bytes_per_s):
            return math.nan

    loop = FluidLoop([1.0])
    Lost(1.0).join(loop, [0])
    with pytest.raises(ValueError, match="predicts its next event at nan"):
        loop.run_until(1.0)


def test_bad_calls_are_refused():
    loop = FluidLoop([1.0], start_s=5.0)
    inside, outside, elsewhere = (started(loop, 1.0) for _ in range(3))
    loop.remove(outside.flow)
    elsewhere.join(FluidLoop([1.0]))
    refused = [
        ("flow 0 of <.*> is in the network already", lambda: inside.join(loop, [0])),
        (r"link 1: allowed is 0\.\.0", lambda: outside.join(loop, [1])),
        ("link -1", lambda: outside.join(loop, [-1])),
        ("cap = -1", lambda: outside.join(loop, [0], cap=-1.0)),
        ("cap = nan", lambda: loop.set_cap(inside.flow, math.nan)),
        ("weight = 0", lambda: outside.join(loop, [0], weight=0.0)),
        ("is not in the network", lambda: loop.remove(outside.flow)),
        ("is not in the network", lambda: loop.rate(outside.flow)),
        ("is not in the network", lambda: loop.rate(elsewhere.flow)),
        ("is not in the network", lambda: loop.reschedule(outside.flow, 9.0)),
        ("is not in the network", lambda: loop.set_cap(outside.flow, 9.0)),
        ("link 7", lambda: loop.set_capacity(7, 1.0)),
        ("capacity = inf", lambda: loop.set_capacity(0, math.inf)),
        (r"time = 4.0: allowed is 5.0 \(now\) or later", lambda: loop.call_at(4.0, print)),
        ("time = nan", lambda: loop.call_at(math.nan, print)),
        ("end = 4.0", lambda: loop.run_until(4.0)),
        ("end = inf", lambda: loop.run_until(math.inf)),
        (r"capacities\[0\] = -1.0", lambda: FluidLoop([-1.0])),
    ]
    for message, call in refused:
        with pytest.raises(ValueError, match=message):
            call()
    assert outside.flow not in loop
