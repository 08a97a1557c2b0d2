"""The flows in the network, as columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.columns import Flows
from cluster_emu.network.event_times import EventTimes
from cluster_emu.network.ripple import NONE

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Column = NDArray[Any]

FIRST_SLOTS = 64
CROSSINGS_PER_SLOT = 6


class Transfer(Protocol):
    """Something that sends at the rate the network gives it and knows what happens when."""

    def rate_changed(self, now_s: float, bytes_per_s: float) -> float:
        """Account the progress since the last call and go on at the new rate.

        Returns:
            The time of the transfer's next own event if this rate lasts; infinity if none will
            come (it is stalled). A time before now counts as now.
        """
        ...

    def due(self, now_s: float) -> float | None:
        """Account the progress and act: the time of the predicted event has come.

        Up to the width of one instant (`same_instant_s`) may be missing; the event has come
        all the same.

        Returns:
            The time of the next event at the present rate, or None to leave the network.
        """
        ...


class TransferGroup(Protocol):
    """Transfers that are told their rates together, in one call: many of one kind, as columns."""

    def rates_changed(self, now_s: float, members: Indices, bytes_per_s: Floats) -> Floats:
        """Account the progress of some members and go on at their new rates.

        Args:
            now_s: the time.
            members: the numbers they were added with, in the order of joining, shape [told].
            bytes_per_s: their rates from now on, shape [told].

        Returns:
            For each, what `Transfer.rate_changed` returns, shape [told].
        """
        ...


class FlowTable:
    """One slot per active flow; slots of flows that left are used again after the next `refresh`.

    Attributes:
        columns: what sharing must know of each flow, and its crossings; see `Flows`.
        views: the same memory, for code that reads one element at a time.
        serial: how many flows had joined before, shape [slots].
        events: time of its next own event, infinity for none and in free slots.
        group: number of the group it is told its rate with, NONE for by itself, shape [slots].
        member: its number in that group, shape [slots].
    """

    def __init__(self) -> None:
        self.columns = _columns(FIRST_SLOTS, FIRST_SLOTS * CROSSINGS_PER_SLOT)
        self.views = _views(self.columns)
        self.serial = np.zeros(FIRST_SLOTS, dtype=np.intp)
        self.events = EventTimes(FIRST_SLOTS)
        self.group = np.full(FIRST_SLOTS, NONE, dtype=np.intp)
        self.member = np.zeros(FIRST_SLOTS, dtype=np.intp)
        self._transfers: list[Transfer | None] = [None] * FIRST_SLOTS
        self._room = [0] * FIRST_SLOTS
        self._slot_of: dict[int, int] = {}
        self._free = list(range(FIRST_SLOTS))[::-1]
        self._left: list[int] = []
        self._joined_count = 0
        self._crossing_count = 0

    def __len__(self) -> int:
        """Number of active flows."""
        return len(self._slot_of)

    def __contains__(self, transfer: Transfer) -> bool:
        """Tell whether `transfer` is in the network."""
        return id(transfer) in self._slot_of

    def slot(self, transfer: Transfer) -> int:
        """Return the slot of `transfer`.

        Raises:
            ValueError: if it is not in the network.
        """
        if transfer not in self:
            raise ValueError(f"{transfer!r} is not in the network")
        return self._slot_of[id(transfer)]

    def occupant(self, slot: int) -> Transfer | None:
        """Return the transfer in `slot`."""
        return self._transfers[slot]

    def join(self, transfer: Transfer, links: Sequence[int], cap: float, weight: float) -> int:
        """Give `transfer` a slot and its crossings, and return the slot."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._slot_of[id(transfer)] = slot
        self._transfers[slot] = transfer
        view = self.views
        view.rate[slot], view.is_new[slot] = 0.0, True
        view.cap[slot], view.weight[slot], view.most[slot] = cap, weight, cap / weight
        self.group[slot] = NONE
        self.serial[slot] = self._joined_count
        self._joined_count += 1
        self._lay_route(slot, links)
        return slot

    def leave(self, transfer: Transfer) -> int:
        """Take `transfer` out and return its slot, which is not used again before `refresh`."""
        slot = self.slot(transfer)
        del self._slot_of[id(transfer)]
        self._transfers[slot] = None
        self.views.rate[slot], self.events[slot] = 0.0, math.inf
        self._left.append(slot)
        return slot

    def set_cap(self, slot: int, cap: float) -> None:
        """Change the rate that a flow may not exceed."""
        self.views.cap[slot] = cap
        self.views.most[slot] = cap / self.views.weight[slot]

    def refresh(self) -> None:
        """Let the slots of flows that left be used again."""
        self._free.extend(self._left)
        self._left.clear()

    def crossings(self, slot: int) -> range:
        """Return the crossings of a flow."""
        begin = self.views.begin[slot]
        return range(begin, begin + self.views.hops[slot])

    def in_order(self, slots: Indices) -> Indices:
        """Return slots in the order in which their flows joined."""
        return slots[np.argsort(self.serial[slots])] if len(slots) > 1 else slots

    def due(self, horizon_s: float) -> Iterator[tuple[int, Transfer]]:
        """Yield the flows whose event comes by `horizon_s`, in the order in which they joined.

        Those that leave or are put off while the others act are passed over, and so are those that
        have not been told a rate yet.
        """
        if self.events.first_s() > horizon_s:
            return
        is_new = self.views.is_new
        for slot in self.in_order(self.events.due(horizon_s)).tolist():
            transfer = self._transfers[slot]
            if transfer is not None and self.events[slot] <= horizon_s and not is_new[slot]:
                yield slot, transfer

    def active(self) -> Indices:
        """Return the slots of the flows in the network, in the order in which they joined."""
        return self.in_order(np.fromiter(self._slot_of.values(), dtype=np.intp))

    def _lay_route(self, slot: int, links: Sequence[int]) -> None:
        """Note the crossings of a flow where its slot has had room for as many, else anew."""
        hops = len(links)
        if hops > self._room[slot]:
            while self._crossing_count + hops > len(self.columns.link):
                self._grow_crossings()
            self.views.begin[slot], self._room[slot] = self._crossing_count, hops
            self._crossing_count += hops
        self.views.hops[slot] = hops
        begin = self.views.begin[slot]
        self.columns.link[begin : begin + hops] = links

    def _grow(self) -> None:
        old = len(self.serial)
        self._replace(len(self.columns.link), 2 * old)
        self.serial, self.member = _longer(self.serial), _longer(self.member)
        self.group = _longer(self.group)
        self.events.grow(old)
        self._transfers.extend([None] * old)
        self._room.extend([0] * old)
        self._free.extend(range(2 * old - 1, old - 1, -1))

    def _grow_crossings(self) -> None:
        self._replace(2 * len(self.columns.link), len(self.serial))

    def _replace(self, crossings: int, slots: int) -> None:
        """Move the columns to longer ones."""
        longer = _columns(slots, crossings)
        for old, new in zip(self.columns, longer, strict=True):
            new[: len(old)] = old
        self.columns, self.views = longer, _views(longer)


def _columns(slots: int, crossings: int) -> Flows:
    return Flows(
        level=np.zeros(slots),
        most=np.zeros(slots),
        cap=np.zeros(slots),
        weight=np.ones(slots),
        rate=np.zeros(slots),
        is_new=np.zeros(slots, dtype=np.bool_),
        begin=np.zeros(slots, dtype=np.intp),
        hops=np.zeros(slots, dtype=np.intp),
        is_listed=np.zeros(slots, dtype=np.bool_),
        link=np.zeros(crossings, dtype=np.intp),
    )


def _views(columns: Flows) -> Flows:
    return Flows(*(column.data for column in columns))


def _longer(column: Column) -> Column:
    return np.concatenate([column, np.zeros_like(column)])
