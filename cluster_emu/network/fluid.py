"""The exact fluid simulation of flows that share links max-min fairly.

Rates are constant between two instants, so nothing is integrated step by step. The group of each
flow predicts when the flow's next event comes at its present rate. Rates are solved again only when
the set of flows, a capacity or a cap has changed, after all events of the same instant.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.checks import link_capacities
from cluster_emu.network.flows import Flow, FlowGroup, FlowTable
from cluster_emu.network.links import LinkMeter
from cluster_emu.network.maxmin_incremental import IncrementalMaxMin, Priority
from cluster_emu.network.timers import Timer, TimerCallback, TimerQueue

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CapacityListener = Callable[[float, int, float], None]
"""Is called with the time, a link, and the capacity it has from now on."""

EVENTS_PER_INSTANT = 100_000
EVENTS_PER_FLOW = 100
"""An instant with more events, and more per flow, counts as a loop that never ends."""


def same_instant_s(time_s: float) -> float:
    """Return how far after `time_s` an event still belongs to the same instant.

    1e-12 of the time, at most 1 ns, at least the difference of adjacent 64-bit numbers. It does not
    depend on ticks: an instant begins at its first event and includes all of its events, even if a
    tick ends among them.
    """
    return max(min(1e-12 * abs(time_s), 1e-9), 8 * math.ulp(time_s))


class FluidLoop:
    """Runs flows and timers in time order over links shared max-min fairly.

    In one instant timers act first, in the order in which they were set, then flows in the order in
    which they joined. Events that these cause in the same instant follow in the same order. Then
    the rates are solved and the groups of the flows notified. The end of `run_until` only moves the
    clock, so the results are the same, bit for bit, for any division of a run into pieces.

    Args:
        capacities_bytes_per_s: capacity of each link, shape [links].
        start_s: what the clock shows at first.
    """

    def __init__(
        self, capacities_bytes_per_s: Sequence[float] | Floats, *, start_s: float = 0.0
    ) -> None:
        self.now_s = start_s
        capacities = link_capacities(capacities_bytes_per_s)
        self._link_count = len(capacities)
        self._flows = FlowTable()
        self._max_min = IncrementalMaxMin(self._flows, capacities)
        self._timers = TimerQueue()
        self._meter = LinkMeter(len(capacities), start_s)
        self._capacity_listeners: list[CapacityListener] = []
        self._must_solve = False
        self._end_s = start_s
        self._instant_of_s = (start_s, start_s + same_instant_s(start_s))
        self._counted_until_s = self._horizon_s()
        self._events_in_instant = 0

    def __len__(self) -> int:
        """Number of flows in the network."""
        return len(self._flows)

    def __contains__(self, flow: Flow) -> bool:
        """Return whether `flow` is in the network."""
        return flow in self._flows

    @property
    def flows(self) -> list[Flow]:
        """The flows in the network, in the order in which they joined."""
        return self._flows.active()

    def add(
        self,
        group: FlowGroup,
        links: Sequence[int],
        *,
        member: int = 0,
        cap: float = math.inf,
        weight: float = 1.0,
        priority: Priority = Priority.ELASTIC,
    ) -> Flow:
        """Let a flow join now; its group is notified of its rate before the next event.

        Args:
            group: what sends it.
            links: the links it crosses; if there are none, only `cap` limits it.
            member: its number in the group, by which the group is notified.
            cap: rate it may not exceed.
            weight: its share relative to the other flows at a bottleneck.
            priority: its priority class.

        Returns:
            The flow, by which it can be changed and removed.

        Raises:
            ValueError: if this member is in the network already or a value is not allowed.
        """
        for link in links:
            self._check_link(link)
        _check_cap(cap)
        if not 0 < weight < math.inf:
            raise ValueError(f"weight = {weight}: allowed is a finite number above 0")
        flow = self._flows.join(group, member, links, cap, weight)
        self._max_min.join(flow.slot, priority)
        self._must_solve = True
        return flow

    def remove(self, flow: Flow) -> None:
        """Take `flow` out now; its group is not notified, and accounts the last progress itself.

        Raises:
            ValueError: if it is not in the network.
        """
        self._max_min.leave(self._flows.leave(flow))
        self._must_solve = True

    def reschedule(self, flow: Flow, time_s: float) -> None:
        """Replace the time of the flow's next own event; its rate stays as it is.

        Raises:
            ValueError: if it is not in the network, or the time is not a number.
        """
        self._set_event(flow, self._flows.slot(flow), time_s)

    def _set_event(self, flow: Flow, slot: int, time_s: float) -> None:
        if math.isnan(time_s):
            raise ValueError(f"{flow.group!r} predicts its next event at {time_s}")
        self._flows.events[slot] = max(time_s, self.now_s)

    def set_cap(self, flow: Flow, cap: float) -> None:
        """Change the rate that `flow` may not exceed, from now on.

        Raises:
            ValueError: if it is not in the network or the cap is not allowed.
        """
        _check_cap(cap)
        slot = self._flows.slot(flow)
        self._flows.set_cap(slot, cap)
        self._max_min.cap_changed(slot)
        self._must_solve = True

    def set_capacity(self, link: int, bytes_per_s: float) -> None:
        """Change the capacity of a link from now on; 0 takes it down.

        Raises:
            ValueError: if there is no such link or the capacity is not allowed.
        """
        self._check_link(link)
        if not 0 <= bytes_per_s < math.inf:
            raise ValueError(f"capacity = {bytes_per_s}: allowed is a finite number, 0 or more")
        self._max_min.set_capacity(link, bytes_per_s)
        self._must_solve = True
        for listener in self._capacity_listeners:
            listener(self.now_s, link, bytes_per_s)

    def add_capacity_listener(self, listener: CapacityListener) -> None:
        """Call `listener` at every later change of a link's capacity."""
        self._capacity_listeners.append(listener)

    @property
    def capacities(self) -> Floats:
        """The present capacity of each link in bytes/s, shape [links]; a copy."""
        return self._max_min.capacity.copy()

    def call_at(self, time_s: float, callback: TimerCallback, *, passive: bool = False) -> Timer:
        """Call `callback` with the time, at `time_s`; return the timer, for `cancel`.

        A passive call is as exact as any other; `next_active_s` leaves it out.

        Raises:
            ValueError: if the time has passed.
        """
        if not time_s >= self.now_s:
            raise ValueError(f"time = {time_s}: allowed is {self.now_s} (now) or later")
        return self._timers.set(time_s, callback, passive=passive)

    def cancel(self, timer: Timer) -> None:
        """Cancel a timer; this has no effect on one that was called already."""
        timer.cancelled = True

    def rate(self, flow: Flow) -> float:
        """Return the rate of `flow` of which its group was last notified, 0 before the first time.

        Raises:
            ValueError: if it is not in the network.
        """
        return float(self._flows.columns.rate[self._flows.slot(flow)])

    def take_bound_s(self, flow: Flow) -> tuple[float, dict[int, float]]:
        """Return for how long its cap, and each link of its route by number, has stopped `flow`.

        The time since the last call counts. Max-min sharing stops a flow at the lowest of these
        constraints. Where several do at one time, the time counts for one of them.

        Raises:
            ValueError: if it is not in the network.
        """
        return self._flows.take_bound_s(self._flows.slot(flow), self.now_s)

    def link_load(self) -> Floats:
        """Return the sum of the rates on each link, shape [links]."""
        return self._meter.load.copy()

    def bytes_carried(self) -> Floats:
        """Return what each link has carried until now, shape [links]."""
        return self._meter.carried(self.now_s)

    def peak_share(self) -> Floats:
        """Return the largest load over capacity that each link has ever had, shape [links]."""
        return self._meter.peak_share.copy()

    def next_event_s(self) -> float:
        """Return the time of the next event, infinity if none is known."""
        if self._must_solve:
            return self.now_s
        return self._first_s()

    def next_active_s(self) -> float:
        """Return the time of the next event that is not a passive call, infinity if none is known.

        Nothing that needs a tick of its own happens before, so a run may skip ticks until then.
        """
        if self._must_solve:
            return self.now_s
        return min(self._timers.next_active_s(), self._flows.events.first_s())

    def quiet_until_s(self, flow: Flow) -> float:
        """Return before which time nothing but events of `flow` can happen.

        That is the time of the next timer or event of another flow, or the end of the present run,
        less the time that counts as the same instant. It is now, or before, where others act now.
        Until then a flow that acts may work out several of its events at once.
        """
        if self._must_solve:
            return self.now_s
        slot = self._flows.slot(flow)
        own_s = self._flows.events[slot]
        self._flows.events[slot] = math.inf
        next_s = min(self._first_s(), self._end_s)
        self._flows.events[slot] = own_s
        return next_s - 2 * same_instant_s(next_s) if next_s < math.inf else next_s

    def run_until(self, end_s: float) -> None:
        """Handle every event up to and including `end_s`, then set the clock to `end_s`.

        Raises:
            ValueError: if `end_s` has passed.
            RuntimeError: if events keep coming without time moving on.
        """
        if not self.now_s <= end_s < math.inf:
            raise ValueError(f"end = {end_s}: allowed is from {self.now_s} (now), finite")
        self._handle_events(end_s)
        self.now_s = end_s

    def run(self) -> None:
        """Handle events until none is left; the clock stays at the last one.

        Raises:
            RuntimeError: if events keep coming without time moving on.
        """
        self._handle_events(math.inf)

    def _handle_events(self, end_s: float) -> None:
        self._end_s = end_s
        while True:
            if self._must_solve:
                self._solve_rates()
                continue
            time_s = self._first_s()
            if time_s > end_s or time_s == math.inf:
                return
            self._handle_instant(time_s)

    def _handle_instant(self, time_s: float) -> None:
        self.now_s = max(time_s, self.now_s)
        horizon_s = self._horizon_s()
        while self._call_timers(horizon_s) or self._call_due_flows(horizon_s):
            if self._first_s() > horizon_s:
                return

    def _first_s(self) -> float:
        """Return when the next timer or own event of a flow comes."""
        return min(self._timers.next_s(), self._flows.events.first_s())

    def _horizon_s(self) -> float:
        """Return until when an event belongs to the present instant."""
        if self._instant_of_s[0] != self.now_s:
            self._instant_of_s = (self.now_s, self.now_s + same_instant_s(self.now_s))
        return self._instant_of_s[1]

    def _call_timers(self, horizon_s: float) -> bool:
        any_called = False
        while self._timers.next_s() <= horizon_s:
            self._count_event()
            self._timers.pop().callback(self.now_s)
            any_called = True
        return any_called

    def _call_due_flows(self, horizon_s: float) -> bool:
        any_called = False
        for flow in self._flows.due(horizon_s):
            self._count_event()
            next_s = flow.group.due(self.now_s, flow.member)
            any_called = True
            if flow not in self._flows:
                continue  # it was taken out while it acted
            if next_s is None:
                self.remove(flow)
            else:
                self._set_event(flow, flow.slot, next_s)
        return any_called

    def _solve_rates(self) -> None:
        self._must_solve = False
        self._count_event()
        changed, links = self._max_min.solve(self.now_s)
        self._flows.release_slots()
        load, capacity = self._max_min.load(links), self._max_min.capacity[links]
        self._meter.record(self.now_s, links, load, capacity)
        if len(changed):
            self._notify(changed)

    def _notify(self, slots: Indices) -> None:
        """Notify the groups of flows with a new rate, each once; take the times of next events."""
        rate, member = self._flows.columns.rate, self._flows.member
        for group, of_group in self._flows.by_group(slots):
            times_s = group.rates_changed(self.now_s, member[of_group], rate[of_group])
            if np.isnan(times_s).any():
                raise ValueError(f"{group!r} predicts its next event at nan")
            self._flows.events.replace(of_group, np.maximum(times_s, self.now_s))

    def _check_link(self, link: int) -> None:
        if not 0 <= link < self._link_count:
            raise ValueError(f"link {link}: allowed is 0..{self._link_count - 1}")

    def _count_event(self) -> None:
        """Stop a loop in which time no longer moves on, because a flow is due again and again."""
        if self.now_s > self._counted_until_s:
            self._counted_until_s, self._events_in_instant = self._horizon_s(), 0
        self._events_in_instant += 1
        if self._events_in_instant <= EVENTS_PER_INSTANT:
            return
        limit = EVENTS_PER_INSTANT + EVENTS_PER_FLOW * len(self._flows)
        if self._events_in_instant > limit:
            raise RuntimeError(f"more than {limit} events at {self.now_s} s: time does not move on")


def _check_cap(cap: float) -> None:
    if not cap >= 0:
        raise ValueError(f"cap = {cap}: allowed is a number, 0 or more, or infinity")
