"""The flows in the network, as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.incidence import Incidence

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

FIRST_SLOTS = 64
SAME_RATE = 1e-12


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


class FlowTable:
    """One slot per active flow; slots of flows that left are used again after the next `refresh`.

    Attributes:
        rate: rate of each flow, shape [slots].
        cap: rate it may not exceed, infinity for none, shape [slots].
        weight: its weight, shape [slots].
        first: whether it goes before those that do not, shape [slots].
        next_s: time of its next own event, infinity for none and in free slots, shape [slots].
        slots: the slots of the active flows in the order in which they joined, as of `refresh`.
        incidence: their routes, in the same order.
    """

    def __init__(self) -> None:
        self.rate = np.zeros(FIRST_SLOTS)
        self.cap = np.full(FIRST_SLOTS, np.inf)
        self.weight = np.ones(FIRST_SLOTS)
        self.first = np.zeros(FIRST_SLOTS, dtype=np.bool_)
        self.next_s = np.full(FIRST_SLOTS, np.inf)
        self.slots: Indices = np.empty(0, dtype=np.intp)
        self.incidence = Incidence.of([], 0)
        self._transfers: list[Transfer | None] = [None] * FIRST_SLOTS
        self._is_new = np.zeros(FIRST_SLOTS, dtype=np.bool_)
        self._slot_of: dict[int, int] = {}
        self._free = list(range(FIRST_SLOTS))[::-1]
        self._joined: list[tuple[int, Indices]] = []
        self._left: list[int] = []

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

    def join(
        self,
        transfer: Transfer,
        links: Sequence[int],
        cap: float,
        weight: float,
        *,
        first: bool = False,
    ) -> None:
        """Give `transfer` a slot; `refresh` puts it among `slots`."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._slot_of[id(transfer)] = slot
        self._transfers[slot] = transfer
        self.rate[slot], self.cap[slot], self.weight[slot] = 0.0, cap, weight
        self.first[slot] = first
        self._is_new[slot] = True
        self._joined.append((slot, np.array(links, dtype=np.intp)))

    def leave(self, transfer: Transfer) -> None:
        """Take `transfer` out; `refresh` takes it from `slots`."""
        slot = self.slot(transfer)
        del self._slot_of[id(transfer)]
        self._transfers[slot] = None
        self.rate[slot], self.next_s[slot] = 0.0, np.inf
        self._left.append(slot)

    def refresh(self) -> None:
        """Bring `slots` and `incidence` up to date with the flows that joined and left."""
        if self._joined:
            self._take_in()
        if self._left:
            self._put_out()

    def adopt_rates(self, rates: Floats) -> Indices:
        """Set the rates of the flows in `slots` and return the slots to be told, in order.

        A rate that moved by rounding alone stays as it was; new flows are always told.
        """
        old = self.rate[self.slots]
        same = (rates >= old * (1 - SAME_RATE)) & (rates <= old * (1 + SAME_RATE))
        changed = ~same | self._is_new[self.slots]
        told: Indices = self.slots[changed]
        self.rate[told] = rates[changed]
        self._is_new[told] = False
        return told

    def due(self, horizon_s: float) -> Iterator[tuple[int, Transfer]]:
        """Yield the flows whose event comes by `horizon_s`, in the order in which they joined.

        Those that leave or are put off while the others act are passed over.
        """
        for slot in self.slots[self.next_s[self.slots] <= horizon_s].tolist():
            transfer = self._transfers[slot]
            if transfer is not None and self.next_s[slot] <= horizon_s:
                yield slot, transfer

    def active(self) -> Iterator[Transfer]:
        """Yield the transfers in the network, in the order in which they joined."""
        joined = [slot for slot, _ in self._joined]
        for slot in [*self.slots.tolist(), *joined]:
            transfer = self._transfers[slot]
            if transfer is not None:
                yield transfer

    def _take_in(self) -> None:
        slots, routes = zip(*self._joined, strict=True)
        links = np.concatenate([self.incidence.links, *routes])
        lengths = np.concatenate([self.incidence.lengths, [len(route) for route in routes]])
        self.slots = np.concatenate([self.slots, slots]).astype(np.intp)
        self.incidence = Incidence.packed(links, lengths.astype(np.intp))
        self._joined.clear()

    def _put_out(self) -> None:
        gone = np.zeros(len(self.rate), dtype=np.bool_)
        gone[self._left] = True
        stays = ~gone[self.slots]
        self.slots = self.slots[stays]
        self.incidence = self.incidence.only(stays)
        self._free.extend(self._left)
        self._left.clear()

    def _grow(self) -> None:
        old = len(self.rate)
        self.rate = np.concatenate([self.rate, np.zeros(old)])
        self.cap = np.concatenate([self.cap, np.full(old, np.inf)])
        self.weight = np.concatenate([self.weight, np.ones(old)])
        self.first = np.concatenate([self.first, np.zeros(old, dtype=np.bool_)])
        self.next_s = np.concatenate([self.next_s, np.full(old, np.inf)])
        self._is_new = np.concatenate([self._is_new, np.zeros(old, dtype=np.bool_)])
        self._transfers.extend([None] * old)
        self._free.extend(range(2 * old - 1, old - 1, -1))
