"""The exact fluid simulation of flows that share links max-min fairly.

Rates are constant between two instants, so nothing is integrated step by step: each transfer says
when its next event comes at its present rate, and rates are shared anew only when the set of flows,
a capacity or a cap has changed. Events that fall into one instant are all handled before that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.checks import link_capacities
from cluster_emu.network.flows import FlowTable, Transfer, TransferGroup
from cluster_emu.network.meter import LinkMeter
from cluster_emu.network.ripple import NONE
from cluster_emu.network.shares import Shares
from cluster_emu.network.timers import Timer, TimerCallback, TimerQueue

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CapacityWatcher = Callable[[float, int, float], None]
"""Is called with the time, a link, and the capacity it has from now on."""

EVENTS_PER_INSTANT = 100_000
EVENTS_PER_FLOW = 100


def same_instant_s(time_s: float) -> float:
    """Return how far after `time_s` an event still belongs to the same instant.

    1e-12 of the time, at most 1 ns, at least what 64-bit numbers can tell apart. It has no say in
    where a run is cut into ticks: an instant begins at its first event, and takes in all of its
    events even if the tick ends among them.
    """
    return max(min(1e-12 * abs(time_s), 1e-9), 8 * math.ulp(time_s))


class FluidLoop:
    """Runs transfers and timers in time order over links shared max-min fairly.

    In one instant timers act first, in the order in which they were set, then transfers in the
    order in which they joined; what these set off in the same instant follows likewise; then the
    rates are shared. Nothing happens at the end of `run_until` but that the clock moves on, so the
    results are bit for bit the same however a run is cut into pieces.

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
        self._shares = Shares(self._flows, capacities)
        self._groups: list[TransferGroup] = []
        self._timers = TimerQueue()
        self._meter = LinkMeter(len(capacities), start_s)
        self._capacity_watchers: list[CapacityWatcher] = []
        self._share_is_due = False
        self._horizon_of_s = (start_s, start_s + same_instant_s(start_s))
        self._instant_end_s = self._horizon_s()
        self._events_in_instant = 0

    def __len__(self) -> int:
        """Number of transfers in the network."""
        return len(self._flows)

    def __contains__(self, transfer: Transfer) -> bool:
        """Tell whether `transfer` is in the network."""
        return transfer in self._flows

    @property
    def transfers(self) -> list[Transfer]:
        """The transfers in the network, in the order in which they joined."""
        occupants = (self._flows.occupant(slot) for slot in self._flows.active().tolist())
        return [transfer for transfer in occupants if transfer is not None]

    def add(
        self,
        transfer: Transfer,
        links: Sequence[int],
        *,
        cap: float = math.inf,
        weight: float = 1.0,
        first: bool = False,
        group: TransferGroup | None = None,
        member: int = 0,
    ) -> None:
        """Let `transfer` join now; it is told its rate before the next event is taken.

        Args:
            transfer: who sends.
            links: the links it crosses; none at all means that only `cap` limits it.
            cap: rate it may not exceed.
            weight: its share relative to the other flows at a bottleneck.
            first: whether it goes before those that are not: these share what the first leave.
            group: what is told its rates instead, together with those of the group's others.
            member: its number in that group.

        Raises:
            ValueError: if it is in the network already or a value is not allowed.
        """
        if transfer in self._flows:
            raise ValueError(f"{transfer!r} is in the network already")
        for link in links:
            self._check_link(link)
        _check_cap(cap)
        if not 0 < weight < math.inf:
            raise ValueError(f"weight = {weight}: allowed is a finite number above 0")
        slot = self._flows.join(transfer, links, cap, weight)
        self._shares.join(slot, first=first)
        if group is not None:
            self._flows.group[slot] = self._number_of(group)
            self._flows.member[slot] = member
        self._share_is_due = True

    def remove(self, transfer: Transfer) -> None:
        """Take `transfer` out now; it is told nothing, and accounts its last progress itself.

        Raises:
            ValueError: if it is not in the network.
        """
        self._shares.leave(self._flows.leave(transfer))
        self._share_is_due = True

    def reschedule(self, transfer: Transfer, time_s: float) -> None:
        """Replace the time of the transfer's next own event, its rate being what it is.

        Raises:
            ValueError: if it is not in the network, or the time is not a number.
        """
        self._predict(self._flows.slot(transfer), transfer, time_s)

    def set_cap(self, transfer: Transfer, cap: float) -> None:
        """Change the rate that `transfer` may not exceed, from now on.

        Raises:
            ValueError: if it is not in the network or the cap is not allowed.
        """
        _check_cap(cap)
        slot = self._flows.slot(transfer)
        self._flows.set_cap(slot, cap)
        self._shares.cap_changed(slot)
        self._share_is_due = True

    def set_capacity(self, link: int, bytes_per_s: float) -> None:
        """Change the capacity of a link from now on; 0 takes it down.

        Raises:
            ValueError: if there is no such link or the capacity is not allowed.
        """
        self._check_link(link)
        if not 0 <= bytes_per_s < math.inf:
            raise ValueError(f"capacity = {bytes_per_s}: allowed is a finite number, 0 or more")
        self._shares.set_capacity(link, bytes_per_s)
        self._share_is_due = True
        for told in self._capacity_watchers:
            told(self.now_s, link, bytes_per_s)

    def watch_capacities(self, watcher: CapacityWatcher) -> None:
        """Have `watcher` told of every later change of a link's capacity."""
        self._capacity_watchers.append(watcher)

    @property
    def capacities(self) -> Floats:
        """The present capacity of each link in bytes/s, shape [links]; a copy."""
        return self._shares.capacity.copy()

    def call_at(self, time_s: float, callback: TimerCallback) -> Timer:
        """Have `callback` called with the time, at `time_s`; return what `cancel` takes.

        Raises:
            ValueError: if the time has passed.
        """
        if not time_s >= self.now_s:
            raise ValueError(f"time = {time_s}: allowed is {self.now_s} (now) or later")
        return self._timers.set(time_s, callback)

    def cancel(self, timer: Timer) -> None:
        """Call off a timer; one that has been called already stays called."""
        timer.cancelled = True

    def rate(self, transfer: Transfer) -> float:
        """Return the rate that `transfer` was last told, 0 before the first time.

        Raises:
            ValueError: if it is not in the network.
        """
        return float(self._flows.columns.rate[self._flows.slot(transfer)])

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
        """Return the time of the next event, infinity if none will come of itself."""
        if self._share_is_due:
            return self.now_s
        return self._first_s()

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
        while True:
            if self._share_is_due:
                self._share()
                continue
            time_s = self.next_event_s()
            if time_s > end_s or time_s == math.inf:
                return
            self._handle_instant(time_s)

    def _handle_instant(self, time_s: float) -> None:
        self.now_s = max(time_s, self.now_s)
        horizon_s = self._horizon_s()
        while self._call_timers(horizon_s) or self._wake_transfers(horizon_s):
            if self._first_s() > horizon_s:
                return

    def _first_s(self) -> float:
        """Return when the next timer or own event of a transfer comes."""
        return min(self._timers.next_s(), self._flows.events.first_s())

    def _horizon_s(self) -> float:
        """Return until when an event belongs to the present instant."""
        if self._horizon_of_s[0] != self.now_s:
            self._horizon_of_s = (self.now_s, self.now_s + same_instant_s(self.now_s))
        return self._horizon_of_s[1]

    def _call_timers(self, horizon_s: float) -> bool:
        any_called = False
        while self._timers.next_s() <= horizon_s:
            self._count_event()
            self._timers.pop().callback(self.now_s)
            any_called = True
        return any_called

    def _wake_transfers(self, horizon_s: float) -> bool:
        any_woken = False
        for slot, transfer in self._flows.due(horizon_s):
            self._count_event()
            self._wake(slot, transfer)
            any_woken = True
        return any_woken

    def _wake(self, slot: int, transfer: Transfer) -> None:
        next_s = transfer.due(self.now_s)
        if self._flows.occupant(slot) is not transfer:
            return  # It was taken out while it acted.
        if next_s is None:
            self.remove(transfer)
        else:
            self._predict(slot, transfer, next_s)

    def _share(self) -> None:
        self._share_is_due = False
        self._count_event()
        told, links = self._shares.renew()
        self._flows.refresh()
        load, capacity = self._shares.load(links), self._shares.capacity[links]
        self._meter.record(self.now_s, links, load, capacity)
        self._tell(told)

    def _tell(self, slots: Indices) -> None:
        """Tell flows their rates, those of groups after those that are told by themselves."""
        if not len(slots):
            return
        group = self._flows.group[slots]
        self._tell_each(slots[group == NONE] if self._groups else slots)
        for number, told in enumerate(self._groups):
            members = slots[group == number]
            if len(members):
                self._tell_group(told, members)

    def _tell_each(self, slots: Indices) -> None:
        flows = self._flows
        rates = flows.columns.rate[slots].tolist()
        for slot, bytes_per_s in zip(slots.tolist(), rates, strict=True):
            transfer = flows.occupant(slot)
            if transfer is not None:
                self._predict(slot, transfer, transfer.rate_changed(self.now_s, bytes_per_s))

    def _tell_group(self, group: TransferGroup, slots: Indices) -> None:
        flows = self._flows
        times_s = group.rates_changed(self.now_s, flows.member[slots], flows.columns.rate[slots])
        if np.isnan(times_s).any():
            raise ValueError(f"{group!r} predicts its next event at nan")
        flows.events.replace(slots, np.maximum(times_s, self.now_s))

    def _number_of(self, group: TransferGroup) -> int:
        for number, known in enumerate(self._groups):
            if known is group:
                return number
        self._groups.append(group)
        return len(self._groups) - 1

    def _predict(self, slot: int, transfer: Transfer, time_s: float) -> None:
        if math.isnan(time_s):
            raise ValueError(f"{transfer!r} predicts its next event at {time_s}")
        self._flows.events[slot] = max(time_s, self.now_s)

    def _check_link(self, link: int) -> None:
        if not 0 <= link < self._link_count:
            raise ValueError(f"link {link}: allowed is 0..{self._link_count - 1}")

    def _count_event(self) -> None:
        """Stop a loop that no longer moves time on, such as a transfer that is always due."""
        if self.now_s > self._instant_end_s:
            self._instant_end_s, self._events_in_instant = self._horizon_s(), 0
        self._events_in_instant += 1
        if self._events_in_instant <= EVENTS_PER_INSTANT:
            return
        limit = EVENTS_PER_INSTANT + EVENTS_PER_FLOW * len(self._flows)
        if self._events_in_instant > limit:
            raise RuntimeError(f"more than {limit} events at {self.now_s} s: time does not move on")


def _check_cap(cap: float) -> None:
    if not cap >= 0:
        raise ValueError(f"cap = {cap}: allowed is a number, 0 or more, or infinity")
