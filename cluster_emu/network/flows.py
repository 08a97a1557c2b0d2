"""The flows in the network, as columns, and the groups that are notified of their rates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network._maxmin_kernels import CAP, NO_HOP, FlowColumns

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Column = NDArray[Any]

FIRST_SLOTS = 64
HOPS_PER_SLOT = 6
LEFT = -1
"""The slot of a flow that has left the network."""

UNKNOWN = -math.inf
"""An earliest time that has to be searched for."""


class FlowGroup(Protocol):
    """Sends one or more flows: it is notified of their rates and predicts their events.

    A single transfer is a group with one flow. All rates that change at one instant reach a group
    in one call, so that it can keep its flows as columns.
    """

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Account the progress of some flows since their last notification; use the new rates.

        It must not add or remove flows.

        Args:
            now_s: the time.
            members: the numbers with which they were added, in the order of joining, shape
                [notified].
            bytes_per_s: their rates from now on, shape [notified].

        Returns:
            The time of each flow's next own event if this rate lasts, shape [notified]; infinity
            for none (a flow with the rate 0). A time before now counts as now.
        """
        ...

    def due(self, now_s: float, member: int) -> float | None:
        """Account the progress of one flow and act at the time that was predicted.

        The call may come earlier by up to the width of one instant (`same_instant_s`). The group
        must act then as at the exact time.

        Returns:
            The time of the flow's next event at the present rate, or None to leave the network.
        """
        ...


@dataclass(slots=True, eq=False)
class Flow:
    """One flow in a network; `FluidLoop.add` makes it.

    Attributes:
        group: what is notified of its rates and acts at its events.
        member: its number in that group.
        slot: its row in the flow table, `LEFT` when it has left.
    """

    group: FlowGroup
    member: int
    slot: int

    def __str__(self) -> str:
        return f"flow {self.member} of {self.group!r}"


class EventTimes:
    """One time per slot, infinity for none.

    The earliest time is kept, and searched for only after it was replaced by a later one.

    Args:
        slots: number of slots.
    """

    def __init__(self, slots: int) -> None:
        self._times_s = np.full(slots, np.inf)
        self._view: Any = self._times_s.data  # see `FlowTable.views`
        self._first_s = math.inf

    def __getitem__(self, slot: int) -> float:
        """Return the time of one slot."""
        time_s: float = self._view[slot]
        return time_s

    def __setitem__(self, slot: int, time_s: float) -> None:
        """Replace the time of one slot."""
        first_s, before_s = self._first_s, self._view[slot]
        self._view[slot] = time_s
        if first_s == UNKNOWN:
            return
        if time_s <= first_s:
            self._first_s = self._view[slot]
        elif before_s == first_s:
            self._first_s = UNKNOWN

    def replace(self, slots: Indices, times_s: Floats) -> None:
        """Replace the times of some slots, shape [slots given]."""
        self._times_s[slots] = times_s
        self._first_s = UNKNOWN

    def first_s(self) -> float:
        """Return the earliest time."""
        if self._first_s == UNKNOWN:
            self._first_s = float(np.minimum.reduce(self._times_s))
        return self._first_s

    def due(self, horizon_s: float) -> Indices:
        """Return the slots whose time is `horizon_s` or before."""
        slots: Indices = (self._times_s <= horizon_s).nonzero()[0]
        return slots

    def grow(self, slots: int) -> None:
        """Add so many slots without an event."""
        self._times_s = np.concatenate([self._times_s, np.full(slots, np.inf)])
        self._view = self._times_s.data


class FlowTable:
    """One slot per flow in the network; a slot that was left is used again after `release_slots`.

    Attributes:
        columns: the data of each flow for max-min sharing, and its hops; see `FlowColumns`.
        views: the same memory, for interpreted code that reads one element at a time: Python reads
            an element of a memory view as a plain float, faster than one of an array.
        events: the time of each flow's next own event, infinity for none and in free slots.
        member: its number in its group, shape [slots].
    """

    def __init__(self) -> None:
        self.columns = _columns(FIRST_SLOTS, FIRST_SLOTS * HOPS_PER_SLOT)
        self.views = _views(self.columns)
        self.events = EventTimes(FIRST_SLOTS)
        self.member = np.zeros(FIRST_SLOTS, dtype=np.intp)
        self._group_number = np.zeros(FIRST_SLOTS, dtype=np.intp)
        self._joined_before = np.zeros(FIRST_SLOTS, dtype=np.intp)
        self._flows: list[Flow | None] = [None] * FIRST_SLOTS
        self._hop_room = [0] * FIRST_SLOTS
        self._free = list(range(FIRST_SLOTS))[::-1]
        self._left: list[int] = []
        self._active: dict[tuple[int, int], Flow] = {}
        self._groups = _Groups()
        self._joined_count = 0
        self._hop_count = 0

    def __len__(self) -> int:
        """Number of flows in the network."""
        return len(self._active)

    def __contains__(self, flow: Flow) -> bool:
        """Return whether `flow` is in the network."""
        return flow.slot < len(self._flows) and self._flows[flow.slot] is flow

    def slot(self, flow: Flow) -> int:
        """Return the slot of `flow`.

        Raises:
            ValueError: if it is not in the network.
        """
        if flow not in self:
            raise ValueError(f"{flow} is not in the network")
        return flow.slot

    def active(self) -> list[Flow]:
        """Return the flows in the network, in the order in which they joined."""
        return list(self._active.values())

    def join(
        self, group: FlowGroup, member: int, links: Sequence[int], cap: float, weight: float
    ) -> Flow:
        """Give a new flow a slot and its hops, and return it.

        Raises:
            ValueError: if this member of the group is in the network already.
        """
        number = self._groups.join(group)
        if (number, member) in self._active:
            self._groups.leave(group)
            raise ValueError(f"flow {member} of {group!r} is in the network already")
        if not self._free:
            self._grow()
        slot = self._free.pop()
        flow = Flow(group, member, slot)
        self._active[number, member] = flow
        self._flows[slot] = flow
        view = self.views
        view.rate[slot], view.is_new[slot] = 0.0, True
        view.cap[slot], view.weight[slot], view.cap_level[slot] = cap, weight, cap / weight
        view.bound_hop[slot], view.cap_bound_s[slot] = NO_HOP, 0.0
        self.member[slot] = member
        self._group_number[slot] = number
        self._joined_before[slot] = self._joined_count
        self._joined_count += 1
        self._set_route(slot, links)
        return flow

    def leave(self, flow: Flow) -> int:
        """Take `flow` out and return its slot, which stays unused until `release_slots`."""
        slot = self.slot(flow)
        del self._active[self._groups.leave(flow.group), flow.member]
        self._flows[slot] = None
        flow.slot = LEFT
        self.views.rate[slot], self.events[slot] = 0.0, math.inf
        self._left.append(slot)
        return slot

    def release_slots(self) -> None:
        """Let the slots of flows that left be used again."""
        self._free.extend(self._left)
        self._left.clear()

    def set_cap(self, slot: int, cap: float) -> None:
        """Change the rate that a flow may not exceed."""
        self.views.cap[slot] = cap
        self.views.cap_level[slot] = cap / self.views.weight[slot]

    def hops(self, slot: int) -> range:
        """Return the numbers of a flow's hops."""
        first = self.views.first_hop[slot]
        return range(first, first + self.views.hop_count[slot])

    def take_bound_s(self, slot: int, now_s: float) -> tuple[float, dict[int, float]]:
        """Return for how long its cap, and each link of its route, has stopped a flow; forget it.

        Where several do at one time, the time counts for one of them.
        """
        view = self.views
        bound_hop, present_s = view.bound_hop[slot], now_s - view.bound_since_s[slot]
        cap_s = view.cap_bound_s[slot] + (present_s if bound_hop == CAP else 0.0)
        by_link: dict[int, float] = {}
        for hop in self.hops(slot):
            link_s = view.hop_bound_s[hop] + (present_s if hop == bound_hop else 0.0)
            if link_s > 0:
                link = view.hop_link[hop]
                by_link[link] = by_link.get(link, 0.0) + link_s
                view.hop_bound_s[hop] = 0.0
        view.cap_bound_s[slot], view.bound_since_s[slot] = 0.0, now_s
        return cap_s, by_link

    def in_order(self, slots: Indices) -> Indices:
        """Return slots in the order in which their flows joined."""
        return slots[np.argsort(self._joined_before[slots])] if len(slots) > 1 else slots

    def by_group(self, slots: Indices) -> Iterator[tuple[FlowGroup, Indices]]:
        """Yield each group that has flows in `slots`, with these slots in the order given.

        Groups come in the order in which they entered the network.
        """
        if len(self._groups) == 1:
            yield self._groups.only(), slots
            return
        number = self._group_number[slots]
        order = np.argsort(number, kind="stable")
        number, slots = number[order], slots[order]
        ends = np.append(np.flatnonzero(np.diff(number)) + 1, len(slots)).tolist()
        first = 0
        for end in ends:
            yield self._groups.numbered(int(number[first])), slots[first:end]
            first = end

    def due(self, horizon_s: float) -> Iterator[Flow]:
        """Yield the flows with an event by `horizon_s`, in the order in which they joined.

        Flows that leave or get a later event while the others act are skipped. Flows that have not
        been notified of a rate yet are skipped, too.
        """
        if self.events.first_s() > horizon_s:
            return
        is_new = self.views.is_new
        for slot in self.in_order(self.events.due(horizon_s)).tolist():
            flow = self._flows[slot]
            if flow is not None and self.events[slot] <= horizon_s and not is_new[slot]:
                yield flow

    def _set_route(self, slot: int, links: Sequence[int]) -> None:
        """Store the hops of a flow, in the place of an earlier flow of its slot if they fit."""
        hops = len(links)
        if hops > self._hop_room[slot]:
            while self._hop_count + hops > len(self.columns.hop_link):
                self._resize(slots=len(self._flows), hops=2 * len(self.columns.hop_link))
            self.views.first_hop[slot], self._hop_room[slot] = self._hop_count, hops
            self._hop_count += hops
        self.views.hop_count[slot] = hops
        first = self.views.first_hop[slot]
        self.columns.hop_link[first : first + hops] = links
        self.columns.hop_bound_s[first : first + hops] = 0.0

    def _grow(self) -> None:
        old = len(self._flows)
        self._resize(slots=2 * old, hops=len(self.columns.hop_link))
        self.member = doubled(self.member)
        self._group_number = doubled(self._group_number)
        self._joined_before = doubled(self._joined_before)
        self.events.grow(old)
        self._flows.extend([None] * old)
        self._hop_room.extend([0] * old)
        self._free.extend(range(2 * old - 1, old - 1, -1))

    def _resize(self, *, slots: int, hops: int) -> None:
        longer = _columns(slots, hops)
        for old, new in zip(self.columns, longer, strict=True):
            new[: len(old)] = old
        self.columns, self.views = longer, _views(longer)


class _Groups:
    """The groups that have flows in the network, numbered as they enter it."""

    def __init__(self) -> None:
        self._group_of: dict[int, FlowGroup] = {}
        self._number_of: dict[int, int] = {}
        self._size_of: dict[int, int] = {}
        self._entered_count = 0

    def __len__(self) -> int:
        return len(self._group_of)

    def only(self) -> FlowGroup:
        """Return the group, if there is only one."""
        return next(iter(self._group_of.values()))

    def numbered(self, number: int) -> FlowGroup:
        """Return the group with this number."""
        return self._group_of[number]

    def join(self, group: FlowGroup) -> int:
        """Count one more flow of a group; return the group's number."""
        number = self._number_of.get(id(group))
        if number is None:
            number = self._entered_count
            self._entered_count += 1
            self._number_of[id(group)] = number
            self._group_of[number], self._size_of[number] = group, 0
        self._size_of[number] += 1
        return number

    def leave(self, group: FlowGroup) -> int:
        """Count one flow of a group less and return its number; forget it with its last flow."""
        number = self._number_of[id(group)]
        self._size_of[number] -= 1
        if not self._size_of[number]:
            del self._number_of[id(group)], self._group_of[number], self._size_of[number]
        return number

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        # the copied groups have other identities
        self._number_of = {id(group): number for number, group in self._group_of.items()}


def doubled(column: Column) -> Column:
    """Return a copy of a column of twice its length, zeros at the end."""
    return np.concatenate([column, np.zeros_like(column)])


def _columns(slots: int, hops: int) -> FlowColumns:
    return FlowColumns(
        level=np.zeros(slots),
        cap_level=np.zeros(slots),
        cap=np.zeros(slots),
        weight=np.ones(slots),
        rate=np.zeros(slots),
        is_new=np.zeros(slots, dtype=np.bool_),
        first_hop=np.zeros(slots, dtype=np.intp),
        hop_count=np.zeros(slots, dtype=np.intp),
        is_listed=np.zeros(slots, dtype=np.bool_),
        bound_hop=np.zeros(slots, dtype=np.intp),
        bound_since_s=np.zeros(slots),
        cap_bound_s=np.zeros(slots),
        hop_link=np.zeros(hops, dtype=np.intp),
        hop_bound_s=np.zeros(hops),
    )


def _views(columns: FlowColumns) -> FlowColumns:
    return FlowColumns(*(column.data for column in columns))
